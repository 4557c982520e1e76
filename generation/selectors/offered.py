"""The models that clients may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generation.selectors.estimate import estimate_s
from generation.selectors.routes import alias_state, routes


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model name of a kind; `is_live`: an engine takes it now; `estimate_s`: seconds until a task ordered now would be done."""

    kind: str
    alias: str
    is_live: bool
    estimate_s: int


def models_offered(kinds: Sequence[str]) -> list[OfferedModel]:
    """Every model name that routes of these kinds know, by kind as asked and name; judged as an order for it would be."""
    names = sorted((name for name in routes() if name[0] in kinds), key=lambda name: (kinds.index(name[0]), name[1]))
    return [OfferedModel(kind, alias, alias_state(kind, alias) == "live", estimate_s(kind, alias)) for kind, alias in names]
