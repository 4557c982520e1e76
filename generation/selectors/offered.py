"""The models that clients may name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from generation.models import Route


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model name of a kind; `is_live`: an engine that is switched on takes it."""

    kind: str
    alias: str
    is_live: bool


def models_offered(kinds: Sequence[str]) -> list[OfferedModel]:
    """Every model name that routes of these kinds know, by kind as asked and name. One statement."""
    live = Route.objects.filter(kind=OuterRef("kind"), alias=OuterRef("alias"), is_enabled=True, engine__is_enabled=True)
    rows = Route.objects.filter(kind__in=kinds).values_list("kind", "alias").annotate(is_live=Exists(live)).distinct()
    return sorted((OfferedModel(*row) for row in rows), key=lambda model: (kinds.index(model.kind), model.alias))
