"""What a moderator is asked and answers. A new one implements `Moderator` and stands in `generation/services/moderation.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Finding:
    """What a moderator stops: the parameter that holds it, and the word or categories it found."""

    field: str
    category: str


class Unanswered(Exception):
    """The moderator gave no verdict; the text says why, without a word of what was asked."""


class Moderator(Protocol):
    """One judge of texts."""

    name: str

    def judge(self, texts: Mapping[str, str]) -> Finding | None:
        """What is to be stopped among `texts` (parameter → text), None if nothing is. Raises Unanswered."""
        ...
