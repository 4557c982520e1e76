"""Cancelling and retrying."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import uuid4

import pytest

from generation.engines.base import Temporary
from generation.exceptions import TaskNotCancellable, TaskNotFound, TaskNotRetryable
from generation.models import Attempt, Engine, Task
from generation.services.cancel import CancelResult, task_cancel
from generation.services.claim import owner_name, task_claim
from generation.services.erasure import user_erased
from generation.services.poll import attempt_ask, attempt_stop
from generation.services.retry import task_retry
from generation.services.run import task_run
from generation.services.task_create import IdempotencyKey
from generation.states import TaskState
from tests.generation.life.conftest import balance, events, make_task, make_user, past, principal_of, run_next
from tests.generation.life.engines import Afar, done


@pytest.mark.django_db
def test_a_waiting_task_is_cancelled_at_once_and_refunded(stub: Engine) -> None:
    user = make_user()
    task = make_task(user)
    assert task_cancel(user_id=user.pk, task_uuid=task.uuid) is CancelResult.DONE
    task.refresh_from_db()
    assert (task.status, balance(user), events(user)) == ("CANCELLED", 1_000, ["task.created", "task.cancelled"])
    with pytest.raises(TaskNotCancellable):
        task_cancel(user_id=user.pk, task_uuid=task.uuid)
    assert balance(user) == 1_000


@pytest.mark.django_db
def test_nobody_cancels_or_retries_anothers_task(stub: Engine) -> None:
    owner, stranger = make_user(), make_user()
    task = make_task(owner)
    for uuid in (task.uuid, uuid4()):
        with pytest.raises(TaskNotFound):
            task_cancel(user_id=stranger.pk, task_uuid=uuid)
        with pytest.raises(TaskNotFound):
            task_retry(principal=principal_of(stranger), task_uuid=uuid)
    task.refresh_from_db()
    assert (task.status, task.cancel_requested_at, balance(owner)) == ("PENDING", None, 980)


@pytest.mark.django_db
@pytest.mark.parametrize("status", [TaskState.SUCCEEDED, TaskState.FAILED, TaskState.TIMEOUT])
def test_what_has_ended_cannot_be_cancelled(stub: Engine, status: TaskState) -> None:
    user = make_user()
    task = make_task(user)
    Task.objects.filter(pk=task.pk).update(status=status)
    with pytest.raises(TaskNotCancellable):
        task_cancel(user_id=user.pk, task_uuid=task.uuid)
    task.refresh_from_db()
    assert (task.status, balance(user)) == (status, 980)


def test_a_running_task_stops_when_its_engine_does(committed_db: Any, adapters: None) -> None:
    from tests.generation.life.conftest import use_engine

    use_engine("stub")
    user = make_user()
    make_task(user, "hang")
    task = task_claim(owner_name())
    assert task is not None
    worker = threading.Thread(target=task_run, args=(task,))
    worker.start()
    time.sleep(0.3)
    assert task_cancel(user_id=user.pk, task_uuid=task.uuid) is CancelResult.REQUESTED
    assert balance(user) == 980, "nothing is given back before the engine confirms"
    worker.join(timeout=20)
    task.refresh_from_db()
    assert (task.status, balance(user), events(user)[-1]) == ("CANCELLED", 1_000, "task.cancelled")


@pytest.mark.django_db
def test_an_engine_elsewhere_that_stops_confirms_the_cancelling(afar: Engine, sent: list[Any]) -> None:
    user = make_user()
    make_task(user)
    task = run_next()
    assert task is not None
    assert task_cancel(user_id=user.pk, task_uuid=task.uuid) is CancelResult.REQUESTED
    Afar.stops = True
    attempt_stop(task.pk)
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("CANCELLED", 1_000)
    assert Attempt.objects.get(task=task).state == "cancelled"


@pytest.mark.django_db
@pytest.mark.parametrize("answer", [False, Temporary("silent")])
def test_an_engine_that_cannot_stop_ends_the_task_normally_charged(afar: Engine, clip: Any, answer: Any) -> None:
    user = make_user()
    make_task(user)
    task = run_next()
    assert task is not None
    task_cancel(user_id=user.pk, task_uuid=task.uuid)
    Afar.stops, Afar.says = answer, done(clip(1.0))
    attempt_stop(task.pk)
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("RUNNING", 980)
    Attempt.objects.update(next_poll_at=past(0))
    attempt_ask(Attempt.objects.get().pk)
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("SUCCEEDED", 980)


@pytest.mark.django_db
def test_an_engine_is_not_stopped_for_a_task_nobody_cancelled(afar: Engine) -> None:
    make_task(make_user())
    task = run_next()
    assert task is not None
    Afar.stops = True
    attempt_stop(task.pk)
    task.refresh_from_db()
    assert task.status == "RUNNING"
    assert ("cancel", f"up-{task.uuid}-1") not in Afar.calls


@pytest.mark.django_db
@pytest.mark.parametrize("status", [TaskState.FAILED, TaskState.TIMEOUT, TaskState.CANCELLED])
def test_a_retry_is_a_new_task_at_todays_price(stub: Engine, status: TaskState) -> None:
    from credits.models import Price

    user = make_user()
    old = make_task(user, "fail")
    Task.objects.filter(pk=old.pk).update(status=status)
    Price.objects.filter(offer_id="video/text-to-video", match={"quality": "standard"}).update(amount_credits=33)
    created = task_retry(principal=principal_of(user), task_uuid=old.uuid)
    new = Task.objects.get(pk=created.id)
    assert (new.status, new.cost_credits, new.retry_of_id, new.params) == ("PENDING", 33, old.pk, old.params)
    assert balance(user) == 1_000 - 20 - 33


@pytest.mark.django_db
@pytest.mark.parametrize("status", [TaskState.PENDING, TaskState.RUNNING, TaskState.SUCCEEDED])
def test_what_did_not_fail_cannot_be_retried(stub: Engine, status: TaskState) -> None:
    user = make_user()
    task = make_task(user)
    Task.objects.filter(pk=task.pk).update(status=status)
    with pytest.raises(TaskNotRetryable):
        task_retry(principal=principal_of(user), task_uuid=task.uuid)
    assert (Task.objects.count(), balance(user)) == (1, 980)


@pytest.mark.django_db
def test_a_repeated_retry_under_one_key_is_one_task(stub: Engine) -> None:
    user = make_user()
    task = make_task(user, "fail")
    run_next()
    key = IdempotencyKey("once", b"1" * 32)
    first, second = (task_retry(principal=principal_of(user), task_uuid=task.uuid, idempotency=key) for _ in range(2))
    assert (first.uuid, second.replayed) == (second.uuid, True)
    assert balance(user) == 980


@pytest.mark.django_db
def test_an_erased_users_tasks_end(afar: Engine) -> None:
    user = make_user()
    make_task(user, webhook_url="http://127.0.0.1:9/hook")
    running = run_next()
    waiting = make_task(user, webhook_url="http://127.0.0.1:9/hook")
    user_erased(user_id=user.pk, number=1, payload={})
    user_erased(user_id=user.pk, number=1, payload={})
    waiting.refresh_from_db()
    running.refresh_from_db()
    assert (waiting.status, waiting.webhook_url) == ("CANCELLED", "")
    assert running.cancel_requested_at is not None


@pytest.mark.django_db
def test_a_wish_that_came_before_anything_was_sent_is_granted_at_once(afar: Engine) -> None:
    user = make_user()
    make_task(user)
    task = task_claim(owner_name())
    assert task is not None
    assert task_cancel(user_id=user.pk, task_uuid=task.uuid) is CancelResult.REQUESTED
    task_run(task)
    task.refresh_from_db()
    assert (task.status, balance(user), Afar.calls) == ("CANCELLED", 1_000, [])


@pytest.mark.django_db
def test_an_erasure_ends_the_tasks(stub: Engine) -> None:
    from accounts.services.user import user_erase

    user = make_user()
    task = make_task(user)
    type(user).objects.filter(pk=user.pk).update(deletion_requested_at=past(31 * 86_400))
    assert user_erase(user_id=user.pk)
    task.refresh_from_db()
    assert task.status == "CANCELLED"
