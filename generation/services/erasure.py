"""When a user is erased: nothing of theirs goes on being made, and nobody is told about it any more."""

from __future__ import annotations

import logging
from typing import Any

from generation.exceptions import TaskNotCancellable
from generation.models import Task
from generation.services.cancel import task_end
from generation.states import ENDED

log = logging.getLogger(__name__)


def user_erased(user_id: int, number: int, payload: dict[str, Any]) -> None:
    """Every task of the user that has not ended is CANCELLED, or will be as soon as its engine stops; no webhook is called.

    A reaction to `user.erased`; repeating it changes nothing.
    """
    Task.objects.filter(user_id=user_id).exclude(webhook_url="").update(webhook_url="")
    for task_id in Task.objects.filter(user_id=user_id).exclude(status__in=ENDED).values_list("pk", flat=True):
        try:
            task_end(task_id=task_id)
        except TaskNotCancellable:
            log.info("task %s of an erased user ended by itself", task_id)
