"""Running a claimed task: inputs, the hold's real size, the engine, the end."""

from __future__ import annotations

import hashlib
import logging
import math
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import transaction

from config.kernel import clock
from config.kernel.errors import DomainError
from credits.exceptions import BudgetExceeded, InsufficientCredits, WalletFrozen
from generation import storage
from generation.engines.base import Engine, EngineInput, EngineRequest, NoCapacity, Rejected, Temporary, Unknown
from generation.engines.registry import adapter_of
from generation.exceptions_media import FileTooLarge, MediaInvalid, MediaTooLarge, PictureTooLarge
from generation.kinds import KINDS, TIMED_INPUT_MAX_S
from generation.locks import task_locked
from generation.models import Attempt, Task
from generation.models import Engine as EngineRow
from generation.services.attempt import attempt_accept, attempt_open
from generation.services.claim import lease_hand_over
from generation.services.input import input_fetch
from generation.services.life import Trouble, task_move
from generation.services.money import raise_hold
from generation.services.poll import poll_time
from generation.services.settle import GAVE_UP, NO_CAPACITY, UNFIT, attempt_again, attempt_refuse, attempt_settle, task_stop_due
from generation.services.takeback import task_take_back
from generation.services.watch import Watch
from generation.states import TaskState

log = logging.getLogger(__name__)

SEED_BYTES = 4
"""Seeds stay below 2³², which every client's numbers hold exactly, a batch's successors too."""

UNPAYABLE = Trouble("insufficient_credits", "Your credits do not cover the real length of the video. Nothing was charged.")


class _LeaseLost(Exception):
    """Somebody else has the task: nothing that is done here may count."""


def task_run(task: Task) -> None:
    """The claimed task was carried as far as this worker can: to its end, or into the hands of an engine elsewhere.

    Whatever breaks on our own side puts the task back into the queue (three times at most). Call it outside transactions.
    """
    with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder, Watch(task) as watch:
        try:
            _make(task, watch, Path(folder))
        except _LeaseLost:
            log.warning("the lease of task %s is lost: this worker lets go of it", task.uuid)
        except Exception:
            log.exception("task %s was broken by our own side", task.uuid)
            task_take_back(task_id=task.pk, lease_owner=task.lease_owner)


def _make(task: Task, watch: Watch, workdir: Path) -> None:
    try:
        inputs = inputs_of(task, workdir)
        pictures_judge(task, inputs)
        task = seed_fit(hold_fit(task, inputs))
    except (*UNFIT, PictureTooLarge) as error:
        code = error.code if isinstance(error, FileTooLarge | PictureTooLarge | MediaTooLarge) else "input_invalid"
        _fail_free(task, Trouble(code, error.message if isinstance(error, DomainError) else str(error)))
        return
    except (InsufficientCredits, BudgetExceeded, WalletFrozen):
        _fail_free(task, UNPAYABLE)
        return
    watch.look()
    if watch.is_stop_asked or watch.is_overdue:
        _stop_unsent(task, watch)
        return
    row = EngineRow.objects.get(pk=task.engine_id or 0)
    adapter = adapter_of(row)
    attempt = None if watch.is_lost else attempt_open(task=task, engine_id=row.pk)
    if attempt is None:
        raise _LeaseLost
    request = _request(task, inputs, attempt, adapter)
    try:
        if adapter.runs_here:
            _run_here(task, attempt, adapter, request, watch, workdir)
        else:
            _submit(task, attempt, adapter, request)
    except Rejected as error:
        attempt_refuse(task=task, attempt=attempt, text=error.text, lease_owner=watch.owner)
    except Temporary as error:
        gave_up = NO_CAPACITY if isinstance(error, NoCapacity) else GAVE_UP
        attempt_again(task=task, attempt=attempt, verdict=f"not now: {error}", lease_owner=watch.owner, gave_up=gave_up)


def _stop_unsent(task: Task, watch: Watch) -> None:
    """CANCELLED or TIMEOUT before any engine heard of the task."""
    with transaction.atomic():
        task_stop_due(task_locked(task.pk), lease_owner=watch.owner)


def _request(task: Task, inputs: tuple[EngineInput, ...], attempt: Attempt, adapter: Engine) -> EngineRequest:
    url = None if adapter.runs_here else callback_url(task)
    return EngineRequest(task.uuid, task.kind, task.alias, task.params, inputs, attempt.number, url)


def callback_url(task: Task) -> str:
    """Where an engine tells of the task: the address carries the task's own unguessable token."""
    return f"{settings.PUBLIC_BASE_URL}/api/videos/sora/callback?token={task.uuid}.{task.callback_token}"


def _run_here(task: Task, attempt: Attempt, adapter: Engine, request: EngineRequest, watch: Watch, workdir: Path) -> None:
    attempt_accept(attempt)
    status = adapter.run(request, workdir=workdir, progress=watch.progress, cancelled=watch.cancelled)
    if status.state != "cancelled" or not watch.is_lost:
        attempt_settle(task=task, attempt=attempt, status=status, workdir=workdir, lease_owner=watch.owner)


def _submit(task: Task, attempt: Attempt, adapter: Engine, request: EngineRequest) -> None:
    """The engine has the task, or may have it (the answer was lost: never sent again); it is asked from now on by the sweeps."""
    try:
        upstream_id = adapter.submit(request)
        attempt_accept(attempt, upstream_id=upstream_id, next_poll_at=poll_time(attempt.sent_at))
    except Unknown:
        log.exception("attempt %s of task %s: the engine's answer was lost; it waits for a sign of it", attempt.number, task.uuid)
    lease_hand_over(task_id=task.pk, owner=task.lease_owner)


def inputs_of(task: Task, workdir: Path) -> tuple[EngineInput, ...]:
    """The files the task is made from, in `workdir`: "image", "image_0", "image_1", …, "video". Raises what `input_fetch` raises."""
    found: list[EngineInput] = []
    for declared in KINDS[task.kind].inputs:
        value = task.params.get(declared.param)
        if declared.is_list:
            named = [(f"{declared.media}_{place}", url) for place, url in enumerate(value or [])]
        else:
            named = [(declared.media, value)] if value else []
        found += [input_fetch(user_id=task.user_id, url=url, kind=declared.media, workdir=workdir, name=name) for name, url in named]
    return tuple(found)


def pictures_judge(task: Task, inputs: tuple[EngineInput, ...]) -> None:
    """Nothing happens for inputs of a size that results can be made from. Raises PictureTooLarge."""
    for given in inputs:
        if given.width and given.height:
            KINDS[task.kind].judge_picture(given.width, given.height, task.params)


def seed_fit(task: Task) -> Task:
    """A task whose seed was left to us (-1 or none) has one, the same at every attempt, kept with it; others are as they were.

    `is_seed_drawn` beside it says that the client's wish was any: a retry draws anew.
    """
    if "seed" not in KINDS[task.kind].limits or task.params.get("seed") not in (None, -1):
        return task
    seed = int.from_bytes(hashlib.sha256(task.uuid.bytes).digest()[:SEED_BYTES])
    task.params = {**task.params, "seed": seed, "is_seed_drawn": True}
    rows = Task.objects.filter(pk=task.pk, status=TaskState.RUNNING, lease_owner=task.lease_owner)
    if not rows.update(params=task.params):
        raise _LeaseLost
    return task


def hold_fit(task: Task, inputs: tuple[EngineInput, ...]) -> Task:
    """A per-second task holds what its input's real length costs, before anything reaches an engine; others are as they were.

    Locks task and wallet. Raises MediaInvalid beyond 30 s, InsufficientCredits, BudgetExceeded, WalletFrozen.
    Source: contracts/README "Charging".
    """
    timed = next((found for found in inputs if found.name == "video"), None)
    if task.hold_id is None or timed is None:
        return task
    seconds = math.ceil((timed.duration_ms or 0) / 1000)
    if not 1 <= seconds <= TIMED_INPUT_MAX_S:
        raise MediaInvalid(reason=f"the video must be 1 to {TIMED_INPUT_MAX_S} seconds long")
    return _raised(task, seconds) if seconds > int(task.params["reserved_s"]) else task


def _raised(task: Task, seconds: int) -> Task:
    with transaction.atomic():
        fresh = task_locked(task.pk)
        if fresh.status != TaskState.RUNNING or fresh.lease_owner != task.lease_owner or fresh.hold_id is None:
            raise _LeaseLost
        total = fresh.cost_credits // int(fresh.params["reserved_s"]) * seconds
        raise_hold(fresh, total, clock.now())
        fresh.cost_credits, fresh.params = total, {**fresh.params, "reserved_s": seconds}
        fresh.save(update_fields=["cost_credits", "params"])
    return fresh


def _fail_free(task: Task, trouble: Trouble) -> None:
    """FAILED and given back before anything reached an engine."""
    task_move(task_id=task.pk, to=TaskState.FAILED, allowed=frozenset({TaskState.RUNNING}), lease_owner=task.lease_owner, trouble=trouble)
