"""The queue as it stands in the database."""

from __future__ import annotations

from django.conf import settings

from config.kernel import clock
from config.kernel.sql import fetch_one
from generation.selectors.place import queue_places

STARTABLE_NOW = """
select exists (
  select 1 from generation_task t
   where t.status = 'PENDING' and coalesce(t.run_after <= %s::timestamptz, true)
     and (%s::int = 0 or (select count(*) from generation_task r where r.user_id = t.user_id and r.status = 'RUNNING') < %s::int)
) as found
"""
OLDEST = """
select extract(epoch from %s::timestamptz - min(coalesce(t.run_after, t.created_at)))::float8 as waited_s from generation_task t
  join generation_route r on r.kind = t.kind and r.alias = t.alias and r.is_enabled
  join generation_engine e on e.id = r.engine_id and e.is_enabled and coalesce(e.broken_until <= %s, true)
 where t.status = 'PENDING' and not exists (select 1 from generation_task b where b.status = 'RUNNING')
"""


def can_start() -> bool:
    """Whether a task waits that back-off and its user's limit would let start now (engines may still be busy)."""
    limit = settings.USER_RUNNING_LIMIT if settings.RATE_LIMITS else 0
    found: bool = fetch_one(STARTABLE_NOW, (clock.real_now(), limit, limit)).found
    return found


def oldest_waiting_s() -> float:
    """How long the oldest waiting task has waited (seconds) while nothing runs at all; 0 when something runs or nothing waits."""
    now = clock.real_now()
    return float(fetch_one(OLDEST, (now, now)).waited_s or 0)


def queue_position(*, user_id: int, task_id: int) -> int | None:
    """The place of the user's waiting task in the queue, from 1; None when it does not wait or is not theirs."""
    return queue_places(user_id=user_id).get(task_id)
