"""How engines have done lately: measured from attempts, per engine and model."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.kernel import clock
from config.kernel.sql import fetch_all
from generation.states import REFUSED, WORKER_LOST

WINDOW = dt.timedelta(hours=24)
MEASURED = """
select e.name as engine, t.kind, t.alias,
       count(*) as attempts,
       count(*) filter (where a.state = 'succeeded') as succeeded,
       percentile_cont(0.5) within group (order by took_s) filter (where a.state = 'succeeded') as median_s,
       percentile_cont(0.95) within group (order by took_s) filter (where a.state = 'succeeded') as p95_s
  from (select *, extract(epoch from ended_at - sent_at) as took_s from generation_attempt) a
  join generation_engine e on e.id = a.engine_id
  join generation_task t on t.id = a.task_id
 where a.sent_at > %s and a.ended_at is not null and a.state <> 'cancelled' and a.verdict <> %s and not starts_with(a.verdict, %s)
 group by e.name, t.kind, t.alias order by e.name, t.kind, t.alias
"""


@dataclass(frozen=True, slots=True)
class EngineStats:
    """One model at one engine over a day: attempts that say something about its health, the share that worked, seconds they took."""

    engine: str
    kind: str
    alias: str
    attempts: int
    success_rate: float
    median_s: float | None
    p95_s: float | None


def engine_stats(*, window: dt.timedelta = WINDOW) -> list[EngineStats]:
    """Success rate, median and p95 time per engine and model; refusals of what was asked for and cancelled work left out."""
    rows = fetch_all(MEASURED, (clock.real_now() - window, WORKER_LOST, REFUSED))
    return [EngineStats(r.engine, r.kind, r.alias, r.attempts, r.succeeded / r.attempts, r.median_s, r.p95_s) for r in rows]
