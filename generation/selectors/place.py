"""Where a user's waiting tasks stand in the queue: the order in which workers will take them."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from config.kernel import clock, sql
from generation.selectors.routes import Name, Route, rivals, routes

FORESEEN_MOST = 2_000
"""So many of the first waiting tasks are foreseen one by one; beyond them the plain order is told."""

# A task that backs off lets others pass, and only its owner asks for its place.
WAITING = """
select id, user_id, kind, alias from generation_task
 where status = 'PENDING' and (coalesce(run_after <= %s::timestamptz, true) or user_id = %s::bigint)
 order by priority desc, id limit %s::int
"""
RUNNING = "select user_id, engine_id from generation_task where status = 'RUNNING' order by started_at, id"
OWN = "select id, kind, alias from generation_task where status = 'PENDING' and user_id = %s::bigint"
PLAIN = """
select q.id, q.place from (
  select id, user_id, row_number() over (order by priority desc, id) as place from generation_task
   where status = 'PENDING' and (kind, alias) in (select * from unnest(%s::text[], %s::text[]))
) q where q.user_id = %s::bigint
"""


def queue_places(*, user_id: int) -> dict[int, int]:
    """The user's waiting tasks → their place, from 1, among those that wait for the same engines.

    Who is entitled to it stands before others, whoever runs as many as a user may lets others pass, as the claim does;
    it is foreseen as if running tasks ended in the order they began. Two statements, and more only behind FORESEEN_MOST others.
    """
    waiting = sql.fetch_all(WAITING, [clock.real_now(), user_id, FORESEEN_MOST])
    running = sql.fetch_all(RUNNING)
    own = {row.id: (row.kind, row.alias) for row in waiting if row.user_id == user_id}
    orders = {name: _order(name, waiting, running) for name in set(own.values())}
    places = {number: orders[name][number] for number, name in own.items()}
    if len(waiting) == FORESEEN_MOST:
        behind = {row.id: (row.kind, row.alias) for row in sql.fetch_all(OWN, [user_id]) if row.id not in places}
        plain = {name: _plain_order(name, user_id) for name in set(behind.values())}
        places |= {number: plain[name][number] for number, name in behind.items() if number in plain[name]}
    return places


def _order(name: Name, waiting: Sequence[Any], running: Sequence[Any]) -> dict[int, int]:
    """Task → place of everything that waits for the engines of `name`."""
    names = set(rivals(*name))
    engines = routes().get(name, Route()).engines
    here = [row.user_id for row in running if row.engine_id in engines]
    elsewhere = Counter(row.user_id for row in running if row.engine_id not in engines)
    line = [(row.id, row.user_id) for row in waiting if (row.kind, row.alias) in names]
    limit = settings.USER_RUNNING_LIMIT if settings.RATE_LIMITS else 0
    served = foreseen(line, here, elsewhere, places=max(sum(engines.values()), 1), limit=limit)
    return {number: place for place, number in enumerate(served, 1)}


def foreseen(waiting: Sequence[tuple[int, int]], running: Sequence[int], elsewhere: Counter[int], *, places: int, limit: int) -> list[int]:
    """The waiting tasks (number, user) in the order in which `places` engines' places will take them.

    `running` are the users of the tasks that run there, oldest first; `elsewhere` counts those on other engines;
    `limit` is how many tasks of one user run at once (0: any).
    """
    lines: defaultdict[int, deque[int]] = defaultdict(deque)
    for index, (_, user) in enumerate(waiting):
        lines[user].append(index)
    served: list[int] = []
    busy, load = deque(running), elsewhere + Counter(running)
    first = [line[0] for user, line in lines.items() if not limit or load[user] < limit]
    heapq.heapify(first)
    while first or (busy and len(served) < len(waiting)):
        if first and len(busy) < places:
            number, user = waiting[heapq.heappop(first)]
            lines[user].popleft()
            served.append(number)
            busy.append(user)
            load[user] += 1
            may_go_on = not limit or load[user] < limit
        else:
            user = busy.popleft()
            load[user] -= 1
            may_go_on = bool(limit) and load[user] == limit - 1
        if may_go_on and lines[user]:
            heapq.heappush(first, lines[user][0])
    return served + [waiting[index][0] for index in sorted(index for line in lines.values() for index in line)]


def _plain_order(name: Name, user_id: int) -> dict[int, int]:
    """The user's tasks → place for the engines of `name`, by priority and age alone."""
    kinds, aliases = zip(*rivals(*name), strict=True)
    return {row.id: row.place for row in sql.fetch_all(PLAIN, [list(kinds), list(aliases), user_id])}
