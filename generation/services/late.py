"""Late success: the engine delivered after we gave up and refunded. All of the output is kept; its owner decides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from config.kernel import clock
from generation.exceptions import TaskNotFound
from generation.locks import attempt_locked, task_locked
from generation.models import Asset, Attempt, Task
from generation.services.asset import asset_delete, asset_mark_used
from generation.services.life import capture_amount
from generation.services.money import pay_late
from generation.states import ENDED, AttemptState, LateChoice, TaskState

REFUNDED = ENDED - {TaskState.SUCCEEDED}


def late_keep(*, attempt: Attempt, assets: Sequence[Asset]) -> bool:
    """The outputs of a refunded task stand for the owner's choice, the first on its attempt; False if they are of no use.

    Of no use is a second copy: the first that came is the one to be chosen; and whatever nobody is left to choose.
    Locks task and attempt.
    """
    with transaction.atomic():
        task = task_locked(attempt.task_id)
        fresh = attempt_locked(attempt.pk)
        if task.status not in REFUNDED or _came(task) or task.user.erased_at is not None:
            return False
        late = {"state": AttemptState.SUCCEEDED, "verdict": "late", "ended_at": clock.real_now(), "next_poll_at": None}
        Attempt.objects.filter(pk=fresh.pk).update(**late, late_asset=assets[0])
        asset_mark_used(asset_ids=[asset.pk for asset in assets])
    return True


def _came(task: Task) -> bool:
    """Whether something came late for the task before, whatever its owner chose."""
    return Attempt.objects.filter(task=task).filter(Q(late_asset__isnull=False) | ~Q(late_choice="")).exists()


def late_take(*, user_id: int, task_uuid: UUID, at: dt.datetime | None = None) -> Asset:
    """The late output, a batch as a whole, belongs to its owner at the price that was quoted; taking it again changes nothing.

    Locks task, attempt, wallet. Raises TaskNotFound (also when nothing came or it was let go), InsufficientCredits.
    """
    with transaction.atomic():
        task, attempt, asset = _late_of(user_id, task_uuid)
        if attempt.late_choice != LateChoice.TAKEN:
            pay_late(task, late_quote(task, asset), at or clock.now())
            Attempt.objects.filter(pk=attempt.pk).update(late_choice=LateChoice.TAKEN)
    return asset


def late_drop(*, user_id: int, task_uuid: UUID) -> None:
    """The late output is let go: all its files are deleted, or out of use and swept if that is cut off.

    Raises TaskNotFound when there is none, or it was taken.
    """
    outputs = Asset.objects.filter(task__user_id=user_id, task__uuid=task_uuid, source=Asset.Source.OUTPUT)
    with transaction.atomic():
        _, attempt, _ = _late_of(user_id, task_uuid)
        if attempt.late_choice:
            raise TaskNotFound()
        Attempt.objects.filter(pk=attempt.pk).update(late_choice=LateChoice.DROPPED, late_asset=None)
        outputs.update(used_at=None)
    for asset in outputs.select_related("thumbnail"):
        asset_delete(asset=asset)


def _late_of(user_id: int, task_uuid: UUID) -> tuple[Task, Attempt, Asset]:
    """The user's task, its attempt that delivered late, both locked, and the output."""
    task = Task.objects.select_for_update().filter(user_id=user_id, uuid=task_uuid).first()
    late = Attempt.objects.select_for_update(of=("self",)).select_related("late_asset").filter(task=task, late_asset__isnull=False)
    attempt = late.order_by("number").first() if task else None
    if task is None or attempt is None or attempt.late_asset is None:
        raise TaskNotFound()
    return task, attempt, attempt.late_asset


def late_quote(task: Task, asset: Asset) -> int:
    """What the late result was quoted at (credits): the fixed price, or the seconds that came at the price of a second."""
    return task.cost_credits if task.hold_id is None else capture_amount(task, asset.duration_ms or 0)
