"""One request as the painters see it, and the ear that hears when to stop."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from generation.engines.base import EngineRequest, Rejected

REPORT_S = 0.25


class Cancelled(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True, slots=True)
class Job:
    """One request as the painters see it: a prompt without directives, a size in pixels, a length, a source of chance."""

    request: EngineRequest
    prompt: str
    width: int
    height: int
    seconds: float
    rng: np.random.Generator

    def input(self, name: str) -> Path:
        """The path of the input of that name. Raises Rejected."""
        return input_of(self.request, name)


def input_of(request: EngineRequest, name: str) -> Path:
    """The path of the input of that name. Raises Rejected."""
    for given in request.inputs:
        if given.name == name:
            return given.path
    raise Rejected("An input is missing.")


def chance_of(*told: Any) -> np.random.Generator:
    """A source of chance that is the same for the same words and numbers."""
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return np.random.default_rng(list(hashlib.sha256(text).digest()))


class Ear:
    """Tells how far the work is and hears when it is to stop, a few times a second."""

    def __init__(self, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> None:
        self._progress, self._cancelled = progress, cancelled
        self._last = 0.0
        self.reached = 0.0

    def step(self, percent: float) -> None:
        """`percent` is done. Raises Cancelled."""
        now = time.monotonic()
        if now - self._last < REPORT_S:
            return
        self._last = now
        if self._cancelled():
            raise Cancelled
        self.reached = max(self.reached, min(percent, 99.0))
        self._progress(self.reached)
