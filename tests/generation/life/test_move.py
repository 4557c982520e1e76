"""The one function that changes a task's state."""

from __future__ import annotations

from typing import Any

import pytest

from generation.models import Task
from generation.services import life
from generation.services.claim import lease_of
from generation.services.life import Trouble, task_move
from generation.states import EDGES, ENDED, TaskState
from tests.generation.life.conftest import balance, events, make_animation, make_task, make_user

PAIRS = [(old, new) for old in TaskState for new in TaskState]
LEGAL = [(old, new) for old, new in PAIRS if new in EDGES[old]]
ILLEGAL = [pair for pair in PAIRS if pair not in LEGAL]


def snapshot(task: Task) -> Any:
    return Task.objects.filter(pk=task.pk).values().get(), balance(task.user), events(task.user)


@pytest.mark.django_db
@pytest.mark.parametrize(("old", "new"), LEGAL)
def test_moves_along_every_edge_with_its_event_and_money(stub: Any, old: TaskState, new: TaskState) -> None:
    user = make_user()
    task = make_task(user)
    Task.objects.filter(pk=task.pk).update(status=old)
    moved = task_move(task_id=task.pk, to=new)
    assert moved is not None
    assert moved.status == new
    assert events(user) == ["task.created", *([life.EVENTS[new]] if new in life.EVENTS else [])]
    assert balance(user) == (1_000 if new in ENDED - {TaskState.SUCCEEDED} else 980)
    assert (moved.completed_at is not None) == (new in ENDED)


@pytest.mark.django_db
@pytest.mark.parametrize(("old", "new"), ILLEGAL)
def test_refuses_every_other_move_and_nothing_moves(stub: Any, old: TaskState, new: TaskState) -> None:
    task = make_task(make_user())
    Task.objects.filter(pk=task.pk).update(status=old)
    before = snapshot(task)
    assert task_move(task_id=task.pk, to=new, trouble=Trouble("x", "y")) is None
    assert snapshot(task) == before


@pytest.mark.django_db
def test_refuses_whoever_does_not_hold_the_lease(stub: Any) -> None:
    task = make_task(make_user())
    task_move(task_id=task.pk, to=TaskState.RUNNING, lease=lease_of("me", stub.pk))
    before = snapshot(task)
    assert task_move(task_id=task.pk, to=TaskState.FAILED, lease_owner="you") is None
    assert snapshot(task) == before
    assert task_move(task_id=task.pk, to=TaskState.FAILED, lease_owner="me") is not None


@pytest.mark.django_db
def test_narrows_the_old_states(stub: Any) -> None:
    task = make_task(make_user())
    assert task_move(task_id=task.pk, to=TaskState.CANCELLED, allowed=frozenset({TaskState.RUNNING})) is None
    assert task_move(task_id=task.pk, to=TaskState.CANCELLED, allowed=frozenset({TaskState.PENDING})) is not None


@pytest.mark.django_db
def test_gives_a_hold_back_whole(stub: Any) -> None:
    user = make_user()
    task = make_animation(user, "http://example.com/v.mp4", "http://example.com/i.png")
    assert balance(user) == 950
    task_move(task_id=task.pk, to=TaskState.CANCELLED)
    assert balance(user) == 1_000


@pytest.mark.django_db
def test_nothing_stays_when_the_money_cannot_move(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    task = make_task(make_user())
    before = snapshot(task)
    monkeypatch.setattr("generation.services.life.give_back", broken)
    with pytest.raises(ZeroDivisionError):
        task_move(task_id=task.pk, to=TaskState.CANCELLED)
    assert snapshot(task) == before


@pytest.mark.django_db
def test_the_deadline_counts_from_the_first_start(stub: Any) -> None:
    task = make_task(make_user())
    first = task_move(task_id=task.pk, to=TaskState.RUNNING, lease=lease_of("a", stub.pk))
    task_move(task_id=task.pk, to=TaskState.PENDING)
    second = task_move(task_id=task.pk, to=TaskState.RUNNING, lease=lease_of("b", stub.pk))
    assert first is not None
    assert second is not None
    assert (second.deadline_at, second.started_at) == (first.deadline_at, first.started_at)
    assert second.lease_until is not None
    assert first.lease_until is not None
    assert second.lease_until > first.lease_until
