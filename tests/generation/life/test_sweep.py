"""Whatever lies still is found and goes on."""

from __future__ import annotations

import logging
import os
from typing import Any

import pytest

from generation import dispatch, storage, tasks
from generation.models import Attempt, Engine, Task
from generation.services import poll, sweep
from generation.services.attempt import attempt_accept, attempt_open
from generation.services.claim import owner_name, task_claim
from tests.generation.life.conftest import balance, events, make_task, make_user, past, run_all, run_next
from tests.generation.life.engines import Afar

pytestmark = pytest.mark.django_db


def claimed(user: Any, prompt: str = "a fox") -> Task:
    make_task(user, prompt)
    task = task_claim(owner_name())
    assert task is not None
    return task


def test_an_expired_lease_with_nothing_sent_waits_again(stub: Engine) -> None:
    user = make_user()
    task = claimed(user)
    assert sweep.leases_take_back() == 0, "a living lease is left alone"
    Task.objects.filter(pk=task.pk).update(lease_until=past(1))
    assert sweep.leases_take_back() == 1
    task.refresh_from_db()
    assert (task.status, task.lease_owner, task.faults) == ("PENDING", "", 1)
    run_all()
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("SUCCEEDED", 980)


def test_a_dead_worker_takes_its_engine_along_and_the_task_is_charged_once(stub: Engine) -> None:
    user = make_user()
    task = claimed(user)
    attempt = attempt_open(task=task, engine_id=stub.pk)
    assert attempt is not None
    attempt_accept(attempt)
    Task.objects.filter(pk=task.pk).update(lease_until=past(1))
    sweep.leases_take_back()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.verdict) == ("lost", "worker lost")
    run_all()
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("SUCCEEDED", 980)


@pytest.mark.parametrize("answered", [True, False])
def test_what_was_sent_elsewhere_is_never_sent_again(afar: Engine, answered: bool) -> None:
    user = make_user()
    task = claimed(user)
    attempt = attempt_open(task=task, engine_id=afar.pk)
    assert attempt is not None
    if answered:
        attempt_accept(attempt, upstream_id="up-1", next_poll_at=past(-60))
    Task.objects.filter(pk=task.pk).update(lease_until=past(1))
    assert sweep.leases_take_back() == 1
    task.refresh_from_db()
    attempt.refresh_from_db()
    assert (task.status, task.lease_until) == ("RUNNING", None)
    assert (attempt.next_poll_at is not None) == answered
    run_all()
    assert [call for call, _ in Afar.calls].count("submit") == 0


def test_a_dead_workers_cancelled_task_is_cancelled(stub: Engine) -> None:
    user = make_user()
    task = claimed(user)
    Task.objects.filter(pk=task.pk).update(lease_until=past(1), cancel_requested_at=past(5))
    sweep.leases_take_back()
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("CANCELLED", 1_000)


def test_a_dead_workers_overdue_task_is_timeout(stub: Engine) -> None:
    user = make_user()
    task = claimed(user)
    Task.objects.filter(pk=task.pk).update(lease_until=past(1), deadline_at=past(1))
    sweep.leases_take_back()
    task.refresh_from_db()
    assert (task.status, balance(user), events(user)[-1]) == ("TIMEOUT", 1_000, "task.failed")


def test_a_task_that_kills_every_worker_is_given_up(stub: Engine, caplog: pytest.LogCaptureFixture) -> None:
    user = make_user()
    task = make_task(user)
    for _ in range(3):
        Task.objects.filter(pk=task.pk).update(run_after=None)
        assert task_claim(owner_name()) is not None
        Task.objects.filter(pk=task.pk).update(lease_until=past(1))
        sweep.leases_take_back()
    task.refresh_from_db()
    assert (task.status, task.error_code, balance(user)) == ("FAILED", "internal", 1_000)
    assert "ALARM" in caplog.text


def test_a_task_that_waited_a_day_is_refunded_and_told(stub: Engine, caplog: pytest.LogCaptureFixture) -> None:
    user = make_user()
    task, fresh = make_task(user), make_task(user)
    Task.objects.filter(pk=task.pk).update(created_at=past(25 * 3600))
    assert sweep.queue_expire() == 1
    task.refresh_from_db()
    fresh.refresh_from_db()
    assert (task.status, task.error_code, fresh.status, balance(user)) == ("FAILED", "queue_timeout", "PENDING", 980)
    assert "ALARM" in caplog.text


def test_the_sweep_wakes_a_worker_only_for_what_can_start(stub: Engine, sent: list[Any]) -> None:
    dispatch.wake_taken()
    task = make_task(make_user())
    sent.clear()
    Task.objects.filter(pk=task.pk).update(run_after=past(-60))
    sweep.queue_wake()
    assert sent == []
    Task.objects.filter(pk=task.pk).update(run_after=past(1))
    sweep.queue_wake()
    assert sent == [("generation.work",)]
    dispatch.wake_taken()


def test_a_queue_that_nobody_serves_is_an_alarm(stub: Engine, caplog: pytest.LogCaptureFixture) -> None:
    task = make_task(make_user())
    with caplog.at_level(logging.CRITICAL):
        sweep.queue_wake()
        assert "ALARM" not in caplog.text
        Task.objects.filter(pk=task.pk).update(created_at=past(700))
        sweep.queue_wake()
    assert "ALARM" in caplog.text


def test_one_wake_up_for_many_tasks(stub: Engine, sent: list[Any]) -> None:
    dispatch.wake_taken()
    sent.clear()
    for _ in range(50):
        dispatch.task_wake()
    assert sent == [("generation.work",)]
    dispatch.wake_taken()
    dispatch.task_wake()
    assert len(sent) == 2, "a wake-up that was taken is followed by the next"
    dispatch.wake_taken()


def test_no_wake_up_is_lost_between_a_workers_last_look_and_its_rest(
    stub: Engine, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that comes right after the look finds the guard cleared and sends a message of its own."""
    dispatch.wake_taken()
    dispatch.task_wake()
    sent.clear()

    def look_then_create(owner: str) -> None:
        dispatch.task_wake()

    monkeypatch.setattr("generation.services.claim.task_claim", look_then_create)
    tasks.work()
    assert sent == [("generation.work",)]
    dispatch.wake_taken()


def test_a_worker_runs_one_task_a_message_and_asks_for_the_next(stub: Engine, sent: list[Any]) -> None:
    for _ in range(2):
        make_task(make_user())
    dispatch.wake_taken()
    sent.clear()
    tasks.work()
    assert sorted(Task.objects.values_list("status", flat=True)) == ["PENDING", "SUCCEEDED"]
    assert ("generation.work",) in sent
    tasks.work()
    assert set(Task.objects.values_list("status", flat=True)) == {"SUCCEEDED"}
    dispatch.wake_taken()


def test_the_sweep_twice_changes_nothing_more(stub: Engine) -> None:
    user = make_user()
    task = claimed(user)
    Task.objects.filter(pk=task.pk).update(lease_until=past(1))
    sweep.sweep_tasks()
    before = Task.objects.values().get(pk=task.pk)
    sweep.sweep_tasks()
    assert Task.objects.values().get(pk=task.pk) == before


def test_work_folders_of_dead_workers_go_after_a_day(stub: Engine) -> None:
    old, young = storage.work_folder() / "old", storage.work_folder() / "young"
    old.mkdir()
    young.mkdir()
    (old / "half.mp4").write_bytes(b"x")
    os.utime(old, (past(25 * 3600).timestamp(),) * 2)
    assert sweep.work_sweep() == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_a_broken_broker_is_no_error_and_asked_once_a_second(stub: Engine, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    import redis

    asked: list[int] = []

    class Dead:
        def set(self, *_: Any, **__: Any) -> None:
            asked.append(1)
            raise redis.ConnectionError

    monkeypatch.setattr("generation.dispatch.client", Dead)
    monkeypatch.setattr("generation.dispatch._silent_until", 0.0)
    for _ in range(5):
        dispatch.task_wake()
    assert len(asked) == 1


def test_a_settled_task_leaves_the_engines_place_free(stub: Engine) -> None:
    Engine.objects.filter(pk=stub.pk).update(concurrency=1)
    for _ in range(3):
        make_task(make_user())
    run_all()
    assert set(Task.objects.values_list("status", flat=True)) == {"SUCCEEDED"}
    assert run_next() is None
    assert Attempt.objects.count() == 3


def test_one_sick_task_does_not_keep_the_others_waiting(
    stub: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sick, well = claimed(make_user()), claimed(make_user())
    Task.objects.update(lease_until=past(1))
    real = sweep.task_take_back

    def take_back(*, task_id: int, lease_owner: str) -> bool:
        if task_id == sick.pk:
            raise ZeroDivisionError
        return real(task_id=task_id, lease_owner=lease_owner)

    monkeypatch.setattr(sweep, "task_take_back", take_back)
    sweep.sweep_tasks()
    well.refresh_from_db()
    assert well.status == "PENDING"
    assert "ALARM" in caplog.text


def test_an_engine_whose_adapter_is_gone_fails_its_tasks_free(stub: Engine) -> None:
    user = make_user()
    task = make_task(user)
    Engine.objects.filter(pk=stub.pk).update(adapter="no-such")
    run_all()
    task.refresh_from_db()
    assert (task.status, task.error_code, balance(user)) == ("FAILED", "internal", 1_000)


def test_an_engine_elsewhere_that_makes_no_sense_is_given_up_and_told(afar: Engine, caplog: pytest.LogCaptureFixture) -> None:
    user = make_user()
    make_task(user)
    task = run_next()
    assert task is not None
    Afar.says = ZeroDivisionError()
    for turn in range(3):
        task.refresh_from_db()
        assert (task.status, task.faults) == ("RUNNING", turn)
        Attempt.objects.update(next_poll_at=past(0))
        poll.attempt_ask(Attempt.objects.get().pk)
    task.refresh_from_db()
    assert (task.status, balance(user), Attempt.objects.get().state) == ("FAILED", 1_000, "lost")
    assert "ALARM" in caplog.text


def test_a_lost_wish_to_stop_is_told_to_the_engine_at_the_next_question(afar: Engine) -> None:
    user = make_user()
    make_task(user)
    task = run_next()
    assert task is not None
    Task.objects.filter(pk=task.pk).update(cancel_requested_at=past(1))
    Afar.stops = True
    Attempt.objects.update(next_poll_at=past(0))
    poll.attempt_ask(Attempt.objects.get().pk)
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("CANCELLED", 1_000)
