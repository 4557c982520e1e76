"""What one subscription is told about progress: never backwards, not too often, the beginning and the end always."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.conf import settings

from accounts.realtime.stomp.messages import Told, raised

TASKS_MAX = 256
OVER = 101


@dataclass(slots=True)
class _Known:
    """How far the subscriber believes a task to be, since when, and the newest step that waits for its time."""

    percent: int
    said_at: float
    waiting: Told | None = None


class Pace:
    """The progress of a user's tasks as one subscription hears it. Times are seconds of `time.monotonic`."""

    __slots__ = ("_known", "next_at")

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self.next_at = math.inf
        """When the next step that waits is due."""

    def judge(self, told: Told, now: float) -> Told | None:
        """What is said now: beginnings and ends always, no lower than what was said; a step only forwards and when its time has come."""
        known = self._known.get(told.task)
        if known is None:
            self._remember(told.task, told.percent, now)
            return told
        if told.is_step and (told.percent < known.percent or known.percent == OVER):
            return None
        due_at = known.said_at + settings.REALTIME_PROGRESS_EVERY_MS / 1000
        if told.is_step and now < due_at:
            known.waiting, self.next_at = told, min(self.next_at, due_at)
            return None
        return self._say(known, told, now)

    def end(self, task: str, now: float) -> None:
        """The task is over: no step of it is said any more, whatever comes late."""
        self._remember(task, OVER, now)

    def due(self, now: float) -> list[Told]:
        """The steps whose time has come."""
        every_s = settings.REALTIME_PROGRESS_EVERY_MS / 1000
        waiting = [known for known in self._known.values() if known.waiting is not None]
        found = [self._say(known, known.waiting, now) for known in waiting if known.waiting and now >= known.said_at + every_s]
        self.next_at = min((known.said_at + every_s for known in waiting if known.waiting), default=math.inf)
        return found

    def _remember(self, task: str, percent: int, now: float) -> None:
        if task not in self._known and len(self._known) >= TASKS_MAX:
            del self._known[next(iter(self._known))]
        self._known[task] = _Known(percent, now)

    @staticmethod
    def _say(known: _Known, told: Told, now: float) -> Told:
        percent = min(max(known.percent, told.percent), 100)
        known.percent, known.said_at, known.waiting = max(known.percent, percent), now, None
        return told if told.percent == percent else raised(told, percent)
