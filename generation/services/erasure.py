"""When a user is erased: nothing of theirs goes on being made, and nobody is told about it any more."""

from __future__ import annotations

import logging
from typing import Any

from django.db.models import Q

from config.kernel.sql import fetch_all
from generation.exceptions import TaskNotCancellable
from generation.kinds import WRITTEN_PARAMS
from generation.models import Asset, ModerationHit, Task
from generation.services.cancel import task_end
from generation.states import ENDED

FORGET = """
UPDATE generation_task SET params = params - %s::text[] WHERE user_id = %s::bigint AND status <> 'RUNNING'
"""
log = logging.getLogger(__name__)


def user_erased(user_id: int, number: int, payload: dict[str, Any]) -> None:
    """Every task of the user that has not ended is CANCELLED, or will be as soon as its engine stops; no webhook is called.

    What they wrote leaves the tasks (a running one at its end) and moderation's record; their files lose their use: the sweep of
    unused files takes them within a day.
    A reaction to `user.erased`; repeating it changes nothing.
    """
    fetch_all(FORGET, (list(WRITTEN_PARAMS), user_id))
    ModerationHit.objects.filter(user_id=user_id).delete()
    Asset.objects.filter(Q(is_public=False) | Q(source=Asset.Source.UPLOAD), user_id=user_id).update(used_at=None, is_public=False)
    Task.objects.filter(user_id=user_id).exclude(webhook_url="").update(webhook_url="")
    for task_id in Task.objects.filter(user_id=user_id).exclude(status__in=ENDED).values_list("pk", flat=True):
        try:
            task_end(task_id=task_id)
        except TaskNotCancellable:
            log.info("task %s of an erased user ended by itself", task_id)
