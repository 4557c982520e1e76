"""Which adapter speaks for an engine's row. A new adapter is one more line here and one more folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from config.kernel.errors import NotConfigured
from generation.engines.base import Engine

if TYPE_CHECKING:
    from generation.models import Engine as EngineRow

ADAPTERS: dict[str, str] = {
    "builtin": "generation.engines.builtin.adapter:BuiltinEngine",
    "kie": "generation.engines.kie.adapter:KieEngine",
}
"""Adapter's name → `module:class`, imported when first needed (upstream SDKs are heavy). The class takes the engine's row."""


def adapter_of(row: EngineRow) -> Engine:
    """A new adapter for `row`. Raises NotConfigured for an adapter this release does not have."""
    if row.adapter not in ADAPTERS:
        raise NotConfigured(service=row.adapter)
    module, _, name = ADAPTERS[row.adapter].partition(":")
    return cast(Engine, getattr(import_module(module), name)(row))
