"""How long a task will take: what such tasks took, and the work that stands before it. Kept for a moment in the process."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.kernel import sql
from generation.kinds import KINDS
from generation.selectors.routes import Name, Route, fresh, rivals, routes

MEASURED_FRESH_S = 60.0
LINES_FRESH_S = 2.0
LONGEST_S = 86_400
"""Nothing waits longer than a day: then it is given up."""

# Each alias is measured by its own last tasks, so that a rare one is not forgotten among many of another.
MEASURED = """
select r.kind, r.alias, m.median_s from (select distinct kind, alias from generation_route) r
 cross join lateral (
   select ceil(percentile_cont(0.5) within group (order by extract(epoch from t.completed_at - coalesce(t.started_at, t.created_at))))::int
          as median_s
     from (select completed_at, started_at, created_at from generation_task
            where status = 'SUCCEEDED' and kind = r.kind and alias = r.alias order by completed_at desc limit 100) t
 ) m where m.median_s is not null
"""
LINES = """
select kind, alias, true as is_running, priority, count(*) as tasks from generation_task where status = 'RUNNING' group by 1, 2, 4
union all
select kind, alias, false, priority, count(*) from generation_task where status = 'PENDING' group by 1, 2, 4
"""


@dataclass(frozen=True, slots=True)
class Line:
    """So many tasks of one alias and priority that run, or wait."""

    name: Name
    is_running: bool
    priority: int
    tasks: int


def estimate_s(kind: str, alias: str, *, priority: int = 0) -> int:
    """Seconds until a task that is created now with that priority will be done: its wait, and what such a task takes."""
    return min(wait_s(kind, alias, priority=priority) + usual_s(kind, alias), LONGEST_S)


def usual_s(kind: str, alias: str) -> int:
    """What such a task takes once it has begun, in seconds: the median of the last hundred, else the kind's own estimate."""
    return _measured().get((kind, alias)) or KINDS[kind].estimate_s


def kind_usual_s(kind: str) -> int:
    """The same of a kind: what is in the middle among its aliases."""
    found = sorted(seconds for (measured, _), seconds in _measured().items() if measured == kind)
    return found[len(found) // 2] if found else KINDS[kind].estimate_s


def wait_s(kind: str, alias: str, *, priority: int) -> int:
    """Seconds until an engine is free for such a task: the work of its engines that stands before it, shared among their places.

    Running tasks are half done on average. 0 as long as a place is free.
    """
    places = sum(routes().get((kind, alias), Route()).engines.values())
    before = [line for line in _lines_of(rivals(kind, alias)) if line.is_running or line.priority >= priority]
    if places == 0 or sum(line.tasks for line in before) < places:
        return 0
    return math.ceil(sum(line.tasks * usual_s(*line.name) / (2 if line.is_running else 1) for line in before) / places)


def _lines_of(names: Iterable[Name]) -> list[Line]:
    lines: Mapping[Name, list[Line]] = fresh("lines", LINES_FRESH_S, _read_lines)
    return [line for name in names for line in lines.get(name, ())]


def _measured() -> Mapping[Name, int]:
    found: Mapping[Name, int] = fresh("measured", MEASURED_FRESH_S, _read_measured)
    return found


def _read_measured() -> dict[Name, int]:
    return {(row.kind, row.alias): max(row.median_s, 1) for row in sql.fetch_all(MEASURED)}


def _read_lines() -> dict[Name, list[Line]]:
    lines: dict[Name, list[Line]] = {}
    for row in sql.fetch_all(LINES):
        if row.kind in KINDS:
            lines.setdefault((row.kind, row.alias), []).append(Line((row.kind, row.alias), row.is_running, row.priority, row.tasks))
    return lines
