"""While a worker runs a task: the lease renewed by a thread, progress written and told, the wish to stop noticed."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

import orjson
import redis
from django.db import connection

from config.kernel import clock
from config.kernel.redis import client
from config.kernel.sql import fetch_one
from generation.models import Task
from generation.services.claim import LEASE_S, lease_renew

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""Progress is written and the row looked at no more often than this."""
LOOK = """
select cancel_requested_at is not null as stop, deadline_at
  from generation_task where id = %s and status = 'RUNNING' and lease_owner = %s
"""
STEP = """
update generation_task set progress = greatest(progress, %s::float8), updated_at = %s
 where id = %s and status = 'RUNNING' and lease_owner = %s
returning cancel_requested_at is not null as stop, deadline_at
"""


class Watch:
    """The lease of one running task. `progress` and `cancelled` are what an engine calls while it works."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.owner = task.lease_owner
        self.is_lost = self.is_stop_asked = self.is_overdue = False
        self._told = self._seen = float(task.progress)
        self._looked_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{task.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(timeout=5)

    def progress(self, percent: float) -> None:
        """The task is at least `percent` (0–99.9) done; written and told to sockets at most twice a second."""
        self._seen = max(self._seen, min(percent, 99.9))
        self._look_if_due()

    def cancelled(self) -> bool:
        """Whether the engine should stop: its owner wants it, the deadline passed, or somebody else has the lease."""
        self._look_if_due()
        return self.is_lost or self.is_stop_asked or self.is_overdue

    def look(self) -> None:
        """The row is read (and progress written) now."""
        self._looked_at = time.monotonic()
        is_further = self._seen > self._told
        if is_further:
            row = fetch_one(STEP, (self._seen, clock.real_now(), self.task.pk, self.owner))
            self._told = self._seen
        else:
            row = fetch_one(LOOK, (self.task.pk, self.owner))
        if row is None:
            self.is_lost = True  # whoever has the task now, or ended it, is the one who tells
        else:
            if is_further:
                progress_tell(self.task, self._seen)
            self.is_stop_asked, self.is_overdue = row.stop, row.deadline_at < clock.real_now()

    def _look_if_due(self) -> None:
        if time.monotonic() - self._looked_at >= LOOK_S:
            self.look()

    def _beat(self) -> None:
        """Renews the lease three times a period on a connection of its own, until the work is over or the lease is lost."""
        try:
            while not self._over.wait(LEASE_S / 3):
                try:
                    if not lease_renew(task_id=self.task.pk, owner=self.owner):
                        self.is_lost = True
                        return
                except Exception:
                    log.exception("the lease of task %s was not renewed", self.task.uuid)
                    connection.close()
        finally:
            connection.close()


def progress_tell(task: Task, percent: float) -> None:
    """Who listens to the user's events hears how far the task is; not logged, so without a number. A silent Redis is no failure."""
    payload = {"task_id": str(task.uuid), "kind": task.kind, "status": "RUNNING", "progress": round(percent, 1)}
    try:
        client().publish(f"events:{task.user_id}", orjson.dumps({"id": None, "kind": "task.progress", "payload": payload}))
    except redis.RedisError:
        log.warning("progress was not announced: Redis does not answer")
