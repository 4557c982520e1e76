"""What the builders of a picture share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from generation.engines.builtin.elements import FPS, Element
from generation.engines.builtin.palette import Light, Plan

STEP = FPS * 0.25
"""Speeds (px/s) are multiples of a quarter of a pixel a frame, so that every frame moves by the same."""

Hear = Callable[[], None]
"""Called often while a picture is built and painted: whoever listens may raise to end it."""


def deaf() -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Stage:
    """What the builders of a picture share. `unit` is 1 at 720 lines; sizes are given for that."""

    width: int
    height: int
    seconds: float
    plan: Plan
    rng: np.random.Generator
    hear: Hear = deaf
    elements: list[Element] = field(default_factory=list)

    @property
    def unit(self) -> float:
        return min(self.width, self.height) / 720

    @property
    def light(self) -> Light:
        return self.plan.light

    def add(self, *elements: Element) -> None:
        """These are drawn next, in this order."""
        self.hear()
        self.elements.extend(elements)

    def pace(self, wanted: float) -> float:
        """`wanted` pixels a second (at 720 lines) rounded so that slow movement is even."""
        return round(wanted * self.unit / STEP) * STEP

    def y(self, share: float) -> float:
        """A height in the frame, 0 at the top."""
        return share * self.height
