"""Where an alias leads, kept for a moment in the process: asked at every creation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from config.kernel import sql
from generation.kinds import KINDS

AliasState = Literal["live", "down", "retired"]
ROUTES_FRESH_S = 2.0
MEDIANS_FRESH_S = 60.0
_cache: dict[str, tuple[float, dict[tuple[str, str], Any]]] = {}

ROUTES = """
select r.kind, r.alias, bool_or(r.is_enabled and e.is_enabled) as is_live
  from generation_route r join generation_engine e on e.id = r.engine_id group by r.kind, r.alias
"""
MEDIANS = """
select t.kind, t.alias,
       ceil(percentile_cont(0.5) within group (order by extract(epoch from t.completed_at - t.created_at)))::int as median_s
  from (select kind, alias, created_at, completed_at from generation_task
         where status = 'SUCCEEDED' order by completed_at desc limit 500) t group by t.kind, t.alias
"""


def alias_state(kind: str, alias: str) -> AliasState:
    """Whether an engine can take the alias: `live`, `down` (its engines are off) or `retired` (no route left)."""
    state: AliasState = _fresh("routes", ROUTES_FRESH_S, _read_states).get((kind, alias), "retired")
    return state


def estimate_s(kind: str, alias: str) -> int:
    """How long such a task takes, in seconds: the median of the last ones, else the kind's own estimate."""
    median: int | None = _fresh("medians", MEDIANS_FRESH_S, _read_medians).get((kind, alias))
    return median or KINDS[kind].estimate_s


def forget() -> None:
    """The next question reads the database again."""
    _cache.clear()


def _read_states() -> dict[tuple[str, str], Any]:
    return {(row.kind, row.alias): "live" if row.is_live else "down" for row in sql.fetch_all(ROUTES)}


def _read_medians() -> dict[tuple[str, str], Any]:
    return {(row.kind, row.alias): max(row.median_s, 1) for row in sql.fetch_all(MEDIANS)}


def _fresh(name: str, life_s: float, read: Callable[[], dict[tuple[str, str], Any]]) -> dict[tuple[str, str], Any]:
    kept = _cache.get(name)
    if kept is None or time.monotonic() - kept[0] > life_s:
        kept = _cache[name] = (time.monotonic(), read())
    return kept[1]
