"""Where a user's waiting tasks stand in the queue."""

from __future__ import annotations

from config.kernel import sql

PLACES = """
select q.id, q.place from (
  select id, user_id, row_number() over (order by priority desc, id) as place from generation_task where status = 'PENDING'
) q where q.user_id = %s
"""


def queue_places(*, user_id: int) -> dict[int, int]:
    """The user's waiting tasks → their place in the queue, from 1; members' tasks stand before others. One statement."""
    return {row.id: row.place for row in sql.fetch_all(PLACES, [user_id])}
