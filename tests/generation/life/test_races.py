"""Races: each is lost with the guard off (a double of it, here only) and won with it on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from config.kernel import clock
from credits.services.wallet import grant
from generation.engines.base import EngineStatus
from generation.models import Attempt, Engine, Task
from generation.services import life
from generation.services.callback import callback_receive
from generation.services.cancel import task_cancel
from generation.services.claim import owner_name, task_claim
from generation.services.life import sources_of, task_move
from generation.services.poll import attempt_ask
from generation.services.run import task_run
from generation.states import TaskState
from tests.generation.life.conftest import at_once, balance, events, make_task, make_user, past, run_next, use_engine
from tests.generation.life.engines import Afar, Stub, done


@pytest.fixture
def elsewhere(committed_db: Any, adapters: None) -> Any:
    """Every route leads to an engine elsewhere; transactions commit."""
    Afar.reset()
    yield use_engine("afar")
    Afar.reset()


@pytest.fixture
def careless_refunds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refunds without the books' own guard, so that only the state's guard stands between a user and free credits."""
    numbers = iter(range(10_000))

    def give(task: Task, at: Any) -> None:
        key = f"careless-{task.pk}-{next(numbers)}"
        grant(user_id=task.user_id, key=key, kind="gift", ref=key, bonus=task.cost_credits, source="campaign:life", at=at)

    monkeypatch.setattr("generation.services.life.give_back", give)


def unguarded(gate: threading.Barrier) -> Callable[..., Task | None]:
    """`task_move` as one would write it without thinking: read, decide, write."""

    def move(*, task_id: int, to: TaskState, allowed: Any = None, **_: Any) -> Task | None:
        task = Task.objects.select_related("user", "output").get(pk=task_id)
        if task.status not in (allowed or sources_of(to)):
            return None
        with contextlib.suppress(threading.BrokenBarrierError):
            gate.wait(timeout=30)
        with transaction.atomic():
            Task.objects.filter(pk=task_id).update(status=to)
            life._settle(task, to, clock.now())
        return task

    return move


def test_two_ends_at_once_refund_twice_without_the_guard(busy: Engine, careless_refunds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user()
    make_task(user)
    task = task_claim(owner_name())
    assert task is not None
    move = unguarded(threading.Barrier(2))
    at_once(*[partial(move, task_id=task.pk, to=TaskState.FAILED)] * 2)
    assert balance(user) == 1_020


def test_two_ends_at_once_refund_once(busy: Engine, careless_refunds: None) -> None:
    user = make_user()
    make_task(user)
    task = task_claim(owner_name())
    assert task is not None
    moved = at_once(*[partial(task_move, task_id=task.pk, to=TaskState.FAILED)] * 8)
    assert sum(one is not None for one in moved) == 1
    assert balance(user) == 1_000
    assert events(user).count("task.failed") == 1


def test_twenty_callbacks_at_once_settle_once(elsewhere: Engine, careless_refunds: None, clip: Callable[[float], Path]) -> None:
    user = make_user()
    make_task(user)
    task = run_next()
    assert task is not None
    Afar.says, Afar.delay_s = EngineStatus("failed", 0, message="no"), 0.05
    heard = at_once(*[partial(callback_receive, token=f"{task.uuid}.{task.callback_token}")] * 20)
    assert not [one for one in heard if isinstance(one, Exception)]
    task.refresh_from_db()
    assert (task.status, balance(user), events(user).count("task.failed")) == ("FAILED", 1_000, 1)


def test_twenty_polls_at_once_store_one_output(elsewhere: Engine, clip: Callable[[float], Path]) -> None:
    from generation.models import Asset

    user = make_user()
    make_task(user)
    task = run_next()
    assert task is not None
    Afar.says, Afar.delay_s = done(clip(1.0)), 0.05
    Attempt.objects.update(next_poll_at=past(0))
    at_once(*[partial(attempt_ask, Attempt.objects.get().pk)] * 20)
    task.refresh_from_db()
    assert (task.status, balance(user), events(user).count("task.completed")) == ("SUCCEEDED", 980, 1)
    assert Asset.objects.filter(source="output").count() == 1
    assert [call for call, _ in Afar.calls].count("poll") == 1


def test_cancel_against_completion_gives_the_video_away_without_the_guard(busy: Engine) -> None:
    user = make_user()
    make_task(user)
    task = task_claim(owner_name())
    assert task is not None
    move = unguarded(threading.Barrier(2))
    moved = at_once(partial(move, task_id=task.pk, to=TaskState.SUCCEEDED), partial(move, task_id=task.pk, to=TaskState.CANCELLED))
    assert all(moved), "delivered and cancelled"
    assert balance(user) == 1_000, "the video is out and the credits are back"


@pytest.mark.parametrize("round_", range(5))
def test_cancel_against_completion_is_one_or_the_other(busy: Engine, round_: int) -> None:
    user = make_user()
    make_task(user)
    task = task_claim(owner_name())
    assert task is not None
    moved = at_once(
        partial(task_move, task_id=task.pk, to=TaskState.SUCCEEDED),
        partial(task_move, task_id=task.pk, to=TaskState.CANCELLED),
    )
    assert sum(one is not None for one in moved) == 1
    task.refresh_from_db()
    assert (task.status, balance(user)) in {("SUCCEEDED", 980), ("CANCELLED", 1_000)}


@pytest.mark.parametrize("round_", range(3))
def test_cancel_against_claim_ends_as_one_story(busy: Engine, round_: int) -> None:
    user = make_user()
    task = make_task(user)

    def work() -> None:
        claimed = task_claim(owner_name())
        if claimed is not None:
            task_run(claimed)

    at_once(work, partial(task_cancel, user_id=user.pk, task_uuid=task.uuid))
    task.refresh_from_db()
    assert (task.status, balance(user)) in {("SUCCEEDED", 980), ("CANCELLED", 1_000)}


def careless_claim(gate: threading.Barrier) -> Task | None:
    """A claim without locks: look for the oldest, then take it."""
    task = Task.objects.filter(status="PENDING").order_by("id").first()
    gate.wait(timeout=30)
    if task is not None:
        Task.objects.filter(pk=task.pk).update(status="RUNNING", lease_owner=owner_name())
    return task


def test_two_workers_take_the_same_task_without_the_guard(busy: Engine) -> None:
    for _ in range(2):
        make_task(make_user())
    first, second = at_once(*[partial(careless_claim, threading.Barrier(2))] * 2)
    assert first.pk == second.pk


def test_eight_workers_take_eight_tasks(busy: Engine) -> None:
    Engine.objects.filter(pk=busy.pk).update(concurrency=50)
    tasks = {make_task(make_user()).pk for _ in range(8)}
    claimed = at_once(*[partial(task_claim, owner_name()) for _ in range(10)])
    assert sorted(task.pk for task in claimed if task is not None) == sorted(tasks)


def test_workers_at_once_keep_the_users_and_the_engines_limits(busy: Engine, settings: Any) -> None:
    settings.RATE_LIMITS, settings.USER_RUNNING_LIMIT = True, 3
    greedy = make_user()
    for _ in range(6):
        make_task(greedy)
    claimed = at_once(*[partial(task_claim, owner_name()) for _ in range(6)])
    assert sum(task is not None for task in claimed) == 3
    Task.objects.update(status="FAILED")
    Engine.objects.filter(pk=busy.pk).update(concurrency=2)
    for _ in range(6):
        make_task(make_user())
    claimed = at_once(*[partial(task_claim, owner_name()) for _ in range(6)])
    assert sum(task is not None for task in claimed) == 2


def test_a_slow_worker_and_its_successor_charge_once(busy: Engine) -> None:
    """A lease that expired under a living worker: both finish, one counts, one copy is kept."""
    from generation.models import Asset
    from generation.services.takeback import task_take_back

    Stub.started.clear()
    user = make_user()
    make_task(user, "slow:1")
    slow = task_claim(owner_name())
    assert slow is not None

    def successor() -> None:
        assert task_take_back(task_id=slow.pk, lease_owner=slow.lease_owner)
        Task.objects.filter(pk=slow.pk).update(run_after=None)
        run_next()

    at_once(partial(task_run, slow), successor)
    slow.refresh_from_db()
    assert (slow.status, balance(user), events(user).count("task.completed")) == ("SUCCEEDED", 980, 1)
    assert Asset.objects.filter(source="output").count() == 1
