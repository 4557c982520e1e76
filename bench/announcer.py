"""Another process of the platform, whose events the realtime process has to tell: users, tasks, events through the real services.

Each line of standard input is an order, each line of standard output its answer.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

import orjson  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.db import transaction  # noqa: E402

from accounts.models import EventHead, Session, User  # noqa: E402
from accounts.services.event import event_append  # noqa: E402
from accounts.services.token import token_issue  # noqa: E402
from config.kernel import clock  # noqa: E402
from config.kernel.redis import client  # noqa: E402
from generation.models import Task  # noqa: E402

LIFE_S = 86_400
TURN_S = 0.01
_tasks: list[Task] = []


def users(*, count: int, tokens: str) -> dict[str, Any]:
    """So many users stand, each with a session and a task; `token user` lines are in the file."""
    now = clock.real_now()
    mark = secrets.token_hex(4)
    names = [f"listener-{mark}-{number}" for number in range(count)]
    made = User.objects.bulk_create([User(username=name, password=make_password(None), created_at=now) for name in names], batch_size=1000)
    EventHead.objects.bulk_create([EventHead(user=user) for user in made], batch_size=1000)
    ends = now + dt.timedelta(seconds=LIFE_S)
    lasting: dict[str, Any] = {"form": Session.Form.BODY, "access_life_s": LIFE_S, "refresh_life_s": LIFE_S, "opened_at": now}
    sessions = Session.objects.bulk_create(
        [Session(user=user, last_used_at=now, expires_at=ends, **lasting) for user in made], batch_size=1000
    )
    facts: dict[str, Any] = {
        "kind": "text2img",
        "offer": "stargraph/text2img",
        "alias": "m",
        "params": {"steps": 20},
        "status": "SUCCEEDED",
    }
    facts |= {"cost_credits": 0, "estimate_s": 1, "deadline_at": now, "created_at": now, "updated_at": now}
    _tasks[:] = Task.objects.bulk_create([Task(user=user, **facts) for user in made], batch_size=1000)
    with open(tokens, "w") as file:
        for session in sessions:
            token = token_issue(kind="access", user_id=session.user_id, session_id=session.pk, life_s=LIFE_S, at=now)
            file.write(f"{token} {session.user_id}\n")
    return {"users": len(made)}


def _payload(task: Task) -> dict[str, Any]:
    return {"task_id": str(task.uuid), "kind": task.kind, "status": "RUNNING"}


def _append(task: Task, kind: str, committed: list[float]) -> int:
    """One event of the task's owner; the moment after its commit, and before anybody is told, is added to `committed`."""
    transaction.on_commit(lambda: committed.append(time.monotonic()))
    return event_append(user_id=task.user_id, kind=kind, payload=_payload(task))


def events(*, count: int, among: int, a_second: float, kind: str) -> dict[str, Any]:
    """`count` events, each in a transaction of its own, for the first `among` users in turn: place, number and moment of the commit."""
    found, begin = [], time.monotonic()
    for turn in range(count):
        time.sleep(max(0.0, begin + turn / a_second - time.monotonic()))
        committed: list[float] = []
        with transaction.atomic():
            number = _append(_tasks[turn % among], kind, committed)
        found.append((turn % among, number, committed[0]))
    return {"events": found}


def flood(*, a_second: int, count: int, among: int, logged_share: float, percent: int = 99, first: int = 0) -> dict[str, Any]:
    """Messages for `among` users in turn at a steady rate: announcements of progress as the engine's watch makes them, and events of
    the log, some in one commit. Each task's progress rises to `percent`."""
    redis, sent, begin = client(), 0, time.monotonic()
    while sent < count:
        time.sleep(TURN_S)
        until = min(count, int((time.monotonic() - begin) * a_second))
        logged = int(until * logged_share) - int(sent * logged_share)
        pipe = redis.pipeline(transaction=False)
        for number in range(sent, until - logged):
            task = _tasks[first + number % among]
            payload = {**_payload(task), "progress": round(number / count * percent, 1)}
            pipe.publish(f"events:{task.user_id}", orjson.dumps({"id": None, "kind": "task.progress", "payload": payload}))
        pipe.execute()
        with transaction.atomic():
            for number in range(until - logged, until):
                _append(_tasks[first + number % among], "task.started", [])
        sent = until
    return {"sent": sent, "began_at": begin, "ended_at": time.monotonic()}


def main() -> None:
    """Obey until the orders end."""
    orders: dict[str, Callable[..., dict[str, Any]]] = {"users": users, "events": events, "flood": flood}
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(orders[order.pop("do")](**order)), flush=True)


if __name__ == "__main__":
    main()
