"""Row locks of the room, in the order of the whole platform: a task, then its user's wallet, then the event head."""

from __future__ import annotations

from generation.models import Attempt, Task


def task_locked(task_id: int) -> Task:
    """The task's row, locked until the transaction ends. Raises Task.DoesNotExist."""
    return Task.objects.select_for_update().get(pk=task_id)


def attempt_locked(attempt_id: int) -> Attempt:
    """The attempt's row, locked until the transaction ends; take it after its task's. Raises Attempt.DoesNotExist."""
    return Attempt.objects.select_for_update().get(pk=attempt_id)
