"""What operators see: the queue by kind, and engines with how they have done lately."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from config.kernel import clock
from config.kernel.sql import fetch_all
from generation.kinds import KINDS
from generation.selectors.engine_stats import WINDOW
from generation.selectors.estimate import kind_usual_s
from generation.states import REFUSED, WORKER_LOST

# Each state has an index of its own; asked for both at once, PostgreSQL would read every task there ever was.
QUEUED = """
select kind, count(*) filter (where not is_running) as waiting, count(*) filter (where is_running) as running, min(waits_since) as oldest_at
  from (select kind, false as is_running, created_at as waits_since from generation_task where status = 'PENDING'
        union all
        select kind, true, null from generation_task where status = 'RUNNING') t group by kind
"""
ENGINES = """
select e.name, e.adapter, e.is_enabled, e.broken_until, e.concurrency, a.attempts, a.succeeded, a.median_s,
       (select count(*) from generation_task t where t.status = 'RUNNING' and t.engine_id = e.id) as running
  from generation_engine e
  cross join lateral (
    select count(*) as attempts, count(*) filter (where state = 'succeeded') as succeeded,
           percentile_cont(0.5) within group (order by extract(epoch from ended_at - sent_at))
             filter (where state = 'succeeded') as median_s
      from generation_attempt where engine_id = e.id and sent_at > %s and ended_at is not null and state <> 'cancelled'
       and verdict <> %s and not starts_with(verdict, %s)) a
 order by e.name
"""
COUNTED_EXACTLY = 10_000
COUNTS = """
select u.id, (select count(*) from (select 1 from generation_task t where t.user_id = u.id limit %s) s) as tasks
  from unnest(%s::bigint[]) as u (id)
"""


@dataclass(frozen=True, slots=True)
class Queued:
    """One kind's part of the queue over all users; `oldest_s` is how long its oldest waiting task has waited, 0 for none."""

    kind: str
    waiting: int
    running: int
    oldest_s: int
    estimate_s: int


@dataclass(frozen=True, slots=True)
class EngineOverview:
    """An engine, its load and its last day; `success_rate` (0–1) and `median_s` are None where nothing was measured."""

    name: str
    adapter: str
    is_enabled: bool
    broken_until: dt.datetime | None
    concurrency: int
    running: int
    attempts: int
    success_rate: float | None
    median_s: float | None

    @property
    def is_available(self) -> bool:
        """Whether tasks are given to it now."""
        return self.is_enabled and (self.broken_until is None or self.broken_until <= clock.real_now())


def queue_by_kind() -> list[Queued]:
    """Every kind with what waits and runs, in the order of KINDS, and what such a task usually takes."""
    queued = {row.kind: row for row in fetch_all(QUEUED)}
    return [
        Queued(
            kind=name,
            waiting=queued[name].waiting if name in queued else 0,
            running=queued[name].running if name in queued else 0,
            oldest_s=_waited_s(queued[name].oldest_at) if name in queued else 0,
            estimate_s=kind_usual_s(name),
        )
        for name in KINDS
    ]


def _waited_s(since: dt.datetime | None) -> int:
    return max(int((clock.real_now() - since).total_seconds()), 0) if since else 0


def engines_overview() -> list[EngineOverview]:
    """Every engine by name, without address or key; the measured time is a day. One statement."""
    rows = fetch_all(ENGINES, (clock.real_now() - WINDOW, WORKER_LOST, REFUSED))
    return [
        EngineOverview(
            name=row.name,
            adapter=row.adapter,
            is_enabled=row.is_enabled,
            broken_until=row.broken_until,
            concurrency=row.concurrency,
            running=row.running,
            attempts=row.attempts,
            success_rate=row.succeeded / row.attempts if row.attempts else None,
            median_s=row.median_s,
        )
        for row in rows
    ]


def task_counts(user_ids: Iterable[int]) -> dict[int, int]:
    """User → how many tasks they made, exact up to 10,000. One statement."""
    return {row.id: row.tasks for row in fetch_all(COUNTS, (COUNTED_EXACTLY, list(user_ids)))}
