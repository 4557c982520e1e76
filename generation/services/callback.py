"""An engine says that it is done. Its words are a hint: the task's state is fetched from the engine before it is believed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from uuid import UUID

from django.utils.crypto import constant_time_compare

from config.kernel import clock
from config.kernel.ids import parse_uuid
from generation import dispatch
from generation.engines.base import Temporary
from generation.engines.registry import adapter_of
from generation.exceptions import TaskNotFound
from generation.models import Attempt, Task
from generation.services.attempt import OPEN, attempt_accept
from generation.services.poll import engine_word, poll_claim, poll_now, settle
from generation.services.route import runs_here
from generation.services.run import callback_url
from generation.states import AttemptState

log = logging.getLogger(__name__)


@runtime_checkable
class Claims(Protocol):
    """An adapter that can prove which task an upstream id was made for."""

    def belongs(self, upstream_id: str, callback_url: str) -> bool:
        """Whether the upstream's own record of `upstream_id` names `callback_url`. Raises Temporary."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of the callback: the task, its state now, and whether the engine itself says that it succeeded."""

    task_uuid: UUID
    status: str
    is_confirmed: bool
    error_message: str


def callback_receive(*, token: str, hint_id: str = "") -> Heard:
    """The engine was asked about the task that `token` (`<uuid>.<secret>`) belongs to; a repeated callback asks nothing twice.

    `hint_id` is the upstream id that the body names: used only for an attempt whose own answer was lost, and only when the
    engine's record of it names our address. Outputs are fetched by a worker. Raises TaskNotFound; then nothing moved.
    Source: 000 §3.4, contracts/README "Callbacks are hints until proven", upstreams/generation.md §1.
    """
    task = _task_of(token)
    attempts = Attempt.objects.select_related("engine").filter(task=task, state__in=OPEN).order_by("-number")
    attempt = attempts.first()
    confirmed = attempt is not None and _ask(task, attempt, hint_id)
    task.refresh_from_db(fields=["status", "error_message"])
    return Heard(task.uuid, task.status, confirmed, task.error_message)


def _task_of(token: str) -> Task:
    name, _, secret = token.partition(".")
    uuid = parse_uuid(name)
    task = Task.objects.filter(uuid=uuid).first() if uuid and secret else None
    if task is None or not task.callback_token or not constant_time_compare(task.callback_token, secret):
        raise TaskNotFound()
    return task


def _ask(task: Task, attempt: Attempt, hint_id: str) -> bool:
    """Whether the engine says that the attempt succeeded; what it says becomes true, in a worker where files are to be fetched."""
    if runs_here(attempt.engine) or not _adopted(task, attempt, hint_id):
        return False
    poll_now(attempt.pk)
    claimed = poll_claim(attempt.pk)
    status = engine_word(adapter_of(attempt.engine), claimed) if claimed else None
    if claimed is None or status is None:
        return False
    if status.state in ("failed", "cancelled"):
        settle(claimed, status)
        return False
    poll_now(attempt.pk)
    if status.state == "succeeded":
        dispatch.attempt_poll(attempt.pk)
    return status.state == "succeeded"


def _adopted(task: Task, attempt: Attempt, hint_id: str) -> bool:
    """Whether the attempt has an upstream id, the lost one found again through the hint if the engine proves that it is ours."""
    if attempt.state == AttemptState.RUNNING:
        return bool(attempt.upstream_id)
    adapter = adapter_of(attempt.engine)
    if not hint_id or not isinstance(adapter, Claims):
        return False
    try:
        is_ours = adapter.belongs(hint_id, callback_url(task))
    except Temporary as error:
        log.warning("engine %s did not prove whose %s is: %s", attempt.engine.name, hint_id[:64], error)
        return False
    if is_ours:
        attempt_accept(attempt, upstream_id=hint_id, next_poll_at=clock.real_now())
    return is_ours
