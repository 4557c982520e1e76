"""What follows from an attempt's end: the task succeeds, tries again, or ends with its money given back."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from uuid import uuid4

from django.db import transaction

from config.kernel import clock, outbound
from generation.engines.base import EngineOutput, EngineStatus
from generation.exceptions_media import FileTooLarge, MediaInvalid
from generation.kinds import KINDS
from generation.locks import task_locked
from generation.models import Asset, Attempt, Task
from generation.services.asset import asset_create_from_path, asset_delete, asset_mark_used
from generation.services.attempt import attempt_end
from generation.services.download import output_fetch
from generation.services.late import late_keep
from generation.services.life import Trouble, task_move
from generation.states import REFUSED, WORKER_LOST, AttemptState, TaskState

log = logging.getLogger(__name__)

ATTEMPTS = 3
UNHEARD_OF = "the engine knows nothing of it"
BACK_OFF_S = (1, 5)
RUNNING = frozenset({TaskState.RUNNING})
GAVE_UP = Trouble("engine_failed", "The engine failed repeatedly. Your credits have been returned.")
NO_CAPACITY = Trouble("engine_busy", "Every engine for this was too busy, again and again. Your credits have been returned.")
OVERDUE = Trouble("timeout", "The task took too long. Your credits have been returned.")
STOPPED = Trouble("cancelled", "The task was cancelled.")
UNFIT = (MediaInvalid, FileTooLarge, outbound.AddressRefused, outbound.AddressUnreachable, outbound.AnswerTooLarge, IndexError)


def attempt_settle(*, task: Task, attempt: Attempt, status: EngineStatus, workdir: Path, lease_owner: str | None = None) -> None:
    """What the engine said in the end has become true of the attempt and its task.

    succeeded: our own copies of all outputs are stored first (probed, hashed), in order, then task (its main output the
    first), money, event, attempt and the outputs' use end in one transaction; the outputs of a task that was refunded meanwhile
    are kept for its owner's choice. Fewer files than were ordered, or one of no use, count as failed.
    failed and lost: another try after a back-off, three in all, where that may help, else FAILED.
    cancelled: the engine confirms that it stopped: CANCELLED or TIMEOUT.
    `lease_owner` None: the work was done elsewhere and no worker holds the task. Locks as `task_move`.
    """
    if status.state == "succeeded":
        _succeed(task, attempt, status, workdir, lease_owner)
    elif status.state == "failed" and not status.retryable:
        attempt_refuse(task=task, attempt=attempt, text=status.message, lease_owner=lease_owner)
    elif status.state == "lost":
        attempt_again(task=task, attempt=attempt, verdict=UNHEARD_OF, state=AttemptState.LOST, lease_owner=lease_owner)
    elif status.state == "failed":
        attempt_again(task=task, attempt=attempt, verdict=status.message, lease_owner=lease_owner)
    elif status.state == "cancelled":
        attempt_stopped(task=task, attempt=attempt, lease_owner=lease_owner)


def attempt_refuse(*, task: Task, attempt: Attempt, text: str, lease_owner: str | None = None) -> None:
    """The engine refused for good: FAILED with `text`, refunded."""
    trouble = Trouble("engine_refused", text or "The engine refused this task.")
    with transaction.atomic():
        task_move(task_id=task.pk, to=TaskState.FAILED, allowed=RUNNING, lease_owner=lease_owner, trouble=trouble)
        attempt_end(attempt, AttemptState.FAILED, REFUSED + text)


def attempt_again(
    *,
    task: Task,
    attempt: Attempt,
    verdict: str,
    state: AttemptState = AttemptState.FAILED,
    lease_owner: str | None = None,
    gave_up: Trouble = GAVE_UP,
) -> None:
    """The attempt failed where another may not: PENDING after a back-off, FAILED with `gave_up` after the third.

    A task that its owner wants to stop is CANCELLED instead, one past its deadline TIMEOUT: nothing runs any more.
    """
    with transaction.atomic():
        fresh = task_locked(task.pk)
        if not attempt_end(attempt, state, verdict):
            return
        failed = Attempt.objects.filter(task=task, state__in=(AttemptState.FAILED, AttemptState.LOST)).exclude(verdict=WORKER_LOST).count()
        if task_stop_due(fresh, lease_owner=lease_owner):
            return
        if failed >= ATTEMPTS:
            task_move(task_id=task.pk, to=TaskState.FAILED, allowed=RUNNING, lease_owner=lease_owner, trouble=gave_up)
        else:
            after = clock.real_now() + dt.timedelta(seconds=BACK_OFF_S[failed - 1])
            task_move(task_id=task.pk, to=TaskState.PENDING, lease_owner=lease_owner, run_after=after)


def attempt_stopped(*, task: Task, attempt: Attempt, lease_owner: str | None = None) -> None:
    """The engine confirms that it stopped: CANCELLED if the owner wanted it, TIMEOUT past the deadline; else another try."""
    with transaction.atomic():
        fresh = task_locked(task.pk)
        if fresh.status == TaskState.RUNNING and not task_stop_due(fresh, lease_owner=lease_owner):
            attempt_again(task=task, attempt=attempt, verdict="the engine stopped by itself", lease_owner=lease_owner)
        attempt_end(attempt, AttemptState.CANCELLED)


def task_stop_due(task: Task, *, lease_owner: str | None = None) -> bool:
    """A RUNNING task at which nothing works any more is CANCELLED if its owner wanted that, or TIMEOUT past its deadline.

    False, and nothing happened, if it may go on. `task` is locked by the caller.
    """
    if task.cancel_requested_at is not None:
        task_move(task_id=task.pk, to=TaskState.CANCELLED, allowed=RUNNING, lease_owner=lease_owner, trouble=STOPPED)
    elif task.deadline_at < clock.real_now():
        task_move(task_id=task.pk, to=TaskState.TIMEOUT, lease_owner=lease_owner, trouble=OVERDUE)
    else:
        return False
    return True


def _succeed(task: Task, attempt: Attempt, status: EngineStatus, workdir: Path, lease_owner: str | None) -> None:
    try:
        assets = _all_stored(task, status.outputs, workdir)
    except UNFIT as error:
        log.warning("attempt %s of task %s made nothing of use: %s", attempt.number, task.uuid, error)
        attempt_again(task=task, attempt=attempt, verdict=f"invalid output: {error}", lease_owner=lease_owner)
        return
    with transaction.atomic():
        asset_mark_used(asset_ids=[asset.pk for asset in assets])
        if task_move(task_id=task.pk, to=TaskState.SUCCEEDED, lease_owner=lease_owner, output=assets[0]) is not None:
            attempt_end(attempt, AttemptState.SUCCEEDED)
            return
    if not late_keep(attempt=attempt, assets=assets):
        _delete_all(assets)


def _all_stored(task: Task, outputs: tuple[EngineOutput, ...], workdir: Path) -> list[Asset]:
    """Our own copies of all outputs, in their order; when one is of no use, none is left. Raises UNFIT."""
    ordered = KINDS[task.kind].pictures(task.params)
    if len(outputs) < ordered:
        raise MediaInvalid(reason=f"the engine made {len(outputs)} of {ordered} files")
    assets: list[Asset] = []
    try:
        for output in outputs:
            assets.append(_stored(task, output, workdir))
    except BaseException:
        _delete_all(assets)
        raise
    return assets


def _delete_all(assets: list[Asset]) -> None:
    for asset in assets:
        asset_delete(asset=asset)


def _stored(task: Task, output: EngineOutput, workdir: Path) -> Asset:
    """Our own copy of the output: upstream links expire."""
    path = output.path
    if path is None:
        path = workdir / uuid4().hex
        output_fetch(output.url or "", path)
    return asset_create_from_path(user_id=task.user_id, path=path, source=Asset.Source.OUTPUT, task_id=task.pk)
