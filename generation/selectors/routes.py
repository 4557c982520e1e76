"""Where an alias leads, kept for a moment in the process: asked at every creation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from config.kernel import clock, sql

AliasState = Literal["live", "busy", "down", "retired"]
Name = tuple[str, str]
"""A kind and an alias."""
ROUTES_FRESH_S = 2.0
_cache: dict[str, tuple[float, Any]] = {}

ROUTES = """
select r.kind, r.alias, r.engine_id, r.is_enabled and e.is_enabled as is_live, e.concurrency,
       coalesce(e.broken_until <= %s::timestamptz, true) as is_whole
  from generation_route r join generation_engine e on e.id = r.engine_id
"""


@dataclass(slots=True)
class Route:
    """Where a kind's alias leads: `engines` are those that take tasks now, each with how many it runs at once."""

    is_live: bool = False
    engines: dict[int, int] = field(default_factory=dict)


def alias_state(kind: str, alias: str) -> AliasState:
    """Whether an engine can take the alias: `live`, `busy` (all rest after failures), `down` (they are off) or `retired` (no route)."""
    route = routes().get((kind, alias))
    if route is None:
        return "retired"
    if not route.is_live:
        return "down"
    return "live" if route.engines else "busy"


def routes() -> Mapping[Name, Route]:
    """Every alias that a route knows, at most two seconds old."""
    found: Mapping[Name, Route] = fresh("routes", ROUTES_FRESH_S, _read_routes)
    return found


def rivals(kind: str, alias: str) -> list[Name]:
    """The aliases whose tasks wait for the same engines as this one's, itself among them."""
    known = routes()
    own = known.get((kind, alias), Route()).engines.keys()
    return [(kind, alias), *(name for name, route in known.items() if name != (kind, alias) and own & route.engines.keys())]


def fresh(name: str, life_s: float, read: Callable[[], Any]) -> Any:
    """What `read` returned, at most `life_s` seconds ago."""
    kept = _cache.get(name)
    if kept is None or time.monotonic() - kept[0] > life_s:
        kept = _cache[name] = (time.monotonic(), read())
    return kept[1]


def forget() -> None:
    """The next question reads the database again."""
    _cache.clear()


def _read_routes() -> dict[Name, Route]:
    found: dict[Name, Route] = {}
    for row in sql.fetch_all(ROUTES, (clock.real_now(),)):
        route = found.setdefault((row.kind, row.alias), Route())
        route.is_live |= row.is_live
        if row.is_live and row.is_whole:
            route.engines[row.engine_id] = row.concurrency
    return found
