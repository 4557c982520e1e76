"""The queue: who stands first, which place is told, who lets whom pass, and that it ends where it says."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from config.kernel import clock as kernel_clock
from config.kernel.sql import fetch_one
from credits.services.entitlement import entitlement_end, entitlement_set
from generation.exceptions import QueueFull
from generation.models import Engine, Route, Task
from generation.selectors import routes
from generation.selectors.overview import QUEUED, queue_by_kind
from generation.selectors.place import foreseen, queue_places
from generation.selectors.queue import queue_position
from generation.services.claim import owner_name, queue_age, task_claim
from generation.services.life import Trouble, task_move
from generation.services.retry import task_retry
from generation.services.task_create import task_create
from generation.states import TaskState
from tests.generation.life.conftest import at_once, balance, events, held, make_task, make_user, past, principal_of

HOUR = dt.timedelta(hours=1)
CREATE = Path(__file__).resolve().parents[3] / "generation/sql/create.sql"


def member(since: dt.timedelta = -HOUR, until: dt.timedelta = HOUR) -> User:
    """A user who is entitled to stand first in that time."""
    user, now = make_user(), kernel_clock.now()
    entitlement_set(user_id=user.pk, name="priority", valid_from=now + since, valid_until=now + until, daily_units=0)
    return user


def made_at(user: User, at: dt.datetime) -> Task:
    params = {"prompt": "a fox", "quality": "standard", "aspect_ratio": "landscape"}
    created = task_create(
        principal=principal_of(user), kind="text-to-video", offer="video/text-to-video", alias="sora2", params=params, at=at
    )
    return Task.objects.get(pk=created.id)


def end(task: Task) -> None:
    assert task_move(task_id=task.pk, to=TaskState.FAILED, trouble=Trouble("x", "x")) is not None


def copied(task: Task, count: int) -> None:
    """So many more tasks that are as `task` is."""
    kept = {field.attname: getattr(task, field.attname) for field in Task._meta.concrete_fields if field.name not in ("id", "uuid")}
    Task.objects.bulk_create(Task(**kept) for _ in range(count))


def served_by(tasks: list[Task]) -> list[int]:
    """Real claims until nothing waits; whenever nothing may start, the task that began first ends."""
    order: list[int] = []
    running: list[Task] = []
    while len(order) < len(tasks):
        claimed = task_claim(owner_name())
        if claimed is None:
            end(running.pop(0))
            continue
        order.append(claimed.pk)
        running.append(claimed)
    return order


def told(tasks: list[Task]) -> list[int]:
    """The tasks in the order of the places that their owners are told."""
    places = {number: place for user in {task.user_id for task in tasks} for number, place in queue_places(user_id=user).items()}
    assert sorted(places.values()) == list(range(1, len(tasks) + 1)), "every place once"
    return sorted(places, key=lambda number: places[number])


# who stands first


@pytest.mark.django_db
def test_who_is_entitled_stands_before_whoever_came_earlier(stub: Engine) -> None:
    first, second = make_task(make_user()), make_task(make_user())
    third, fourth = make_task(member()), make_task(member())
    assert [task.priority for task in (first, second, third, fourth)] == [0, 0, 1, 1]
    assert queue_position(user_id=first.user_id, task_id=first.pk) == 3
    assert told([first, second, third, fourth]) == served_by([first, second, third, fourth]) == [third.pk, fourth.pk, first.pk, second.pk]


@pytest.mark.django_db
def test_the_moment_of_the_order_decides_who_is_entitled(stub: Engine) -> None:
    now, user = kernel_clock.now(), make_user()
    entitlement_set(user_id=user.pk, name="priority", valid_from=now, valid_until=now + HOUR, daily_units=0)
    moment = dt.timedelta(microseconds=1)
    wanted = {now - moment: 0, now: 1, now + HOUR - moment: 1, now + HOUR: 0}
    assert {at: made_at(user, at).priority for at in wanted} == wanted
    entitlement_end(user_id=user.pk, name="priority", at=now + HOUR / 2)
    assert [made_at(user, now + HOUR / 2 + more).priority for more in (-moment, moment)] == [1, 0]


@pytest.mark.django_db
def test_free_generations_alone_put_nobody_first(stub: Engine) -> None:
    user, now = make_user(), kernel_clock.now()
    entitlement_set(user_id=user.pk, name="studio", valid_from=now - HOUR, valid_until=now + HOUR, daily_units=9)
    assert make_task(user).priority == 0


@pytest.mark.django_db
def test_the_moved_clock_ends_the_first_place(stub: Engine, clock: Any) -> None:
    user = member()
    clock.advance(hours=2)
    assert make_task(user).priority == 0


@pytest.mark.django_db
def test_whoever_waited_long_stands_before_members_who_came_later(stub: Engine, settings: Any) -> None:
    old, young, early = make_task(make_user()), make_task(make_user()), make_task(member())
    Task.objects.filter(pk=old.pk).update(created_at=past(settings.QUEUE_PATIENCE_S + 1))
    assert (queue_age(), queue_age()) == (1, 0)
    late = make_task(member())
    assert told([old, young, early, late]) == served_by([old, young, early, late]) == [old.pk, early.pk, late.pk, young.pk]


# the place that is told


@pytest.mark.django_db
def test_the_order_told_is_the_order_served_with_members_and_limits(stub: Engine, settings: Any) -> None:
    settings.RATE_LIMITS, settings.USER_RUNNING_LIMIT = True, 2
    Engine.objects.filter(pk=stub.pk).update(concurrency=3)
    routes.forget()
    greedy, other, third, vip = make_user(), make_user(), make_user(), member()
    before = [make_task(user) for user in (greedy, greedy, other)]
    for _ in before:
        assert task_claim(owner_name()) is not None
    tasks = [make_task(user) for user in (greedy, greedy, greedy, other, greedy, third, vip, vip, vip, other, third, vip)]
    running = [Task.objects.get(pk=task.pk) for task in before]
    wanted = told(tasks)
    order: list[int] = []
    while len(order) < len(tasks):
        claimed = task_claim(owner_name())
        if claimed is None:
            end(running.pop(0))
        else:
            order.append(claimed.pk)
            running.append(claimed)
            assert max(Counter(Task.objects.filter(status="RUNNING").values_list("user_id", flat=True)).values()) <= 2
    assert order == wanted
    assert order != [task.pk for task in sorted(tasks, key=lambda task: (-task.priority, task.pk))], "who may run no more lets others pass"


@pytest.mark.django_db
def test_who_waits_for_another_engine_stands_in_no_bodys_way(stub: Engine) -> None:
    other = Engine.objects.create(name="other", adapter="stub", concurrency=1)
    Route.objects.filter(kind="text2img").delete()
    Route.objects.create(kind="text2img", alias="own", engine=other)
    routes.forget()
    for _ in range(3):
        make_task(make_user())
    user = make_user()
    created = task_create(
        principal=principal_of(user),
        kind="text2img",
        offer="stargraph/text2img",
        alias="own",
        params={"prompt": "x", "width": 64, "height": 64},
    )
    assert queue_position(user_id=user.pk, task_id=created.id) == 1


@pytest.mark.django_db
def test_a_task_that_backs_off_lets_others_pass(stub: Engine) -> None:
    waits, goes = make_task(make_user()), make_task(make_user())
    Task.objects.filter(pk=waits.pk).update(run_after=past(-60))
    assert queue_position(user_id=goes.user_id, task_id=goes.pk) == 1
    assert queue_position(user_id=waits.user_id, task_id=waits.pk) == 1, "its owner is told where it stands once it may start"
    claimed = task_claim(owner_name())
    assert claimed is not None
    assert claimed.pk == goes.pk


@pytest.mark.django_db
def test_far_behind_the_plain_order_is_told(stub: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.selectors.place.FORESEEN_MOST", 2)
    tasks = [make_task(make_user()) for _ in range(4)]
    assert told(tasks) == [task.pk for task in tasks]


def test_what_may_not_start_for_work_elsewhere_is_told_last() -> None:
    assert foreseen([(1, 7), (2, 8), (3, 7)], [], Counter({7: 2}), places=1, limit=2) == [2, 1, 3]
    assert foreseen([(1, 7), (2, 7), (3, 8)], [7], Counter(), places=1, limit=0) == [1, 2, 3]
    assert foreseen([], [1], Counter(), places=1, limit=1) == []


@pytest.mark.django_db
def test_the_operators_queue_reads_what_waits_and_runs_and_no_other_task(stub: Engine) -> None:
    user = make_user()
    for _ in range(3):
        make_task(user)
    assert task_claim(owner_name()) is not None
    ended = make_task(make_user())
    end(ended)
    ended.refresh_from_db()
    copied(ended, 3_000)
    found = {each.kind: (each.waiting, each.running) for each in queue_by_kind()}
    assert (found["text-to-video"], found["text2img"]) == ((2, 1), (0, 0))
    with connection.cursor() as cursor:
        cursor.execute(f"explain {QUEUED}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    used = re.findall(r"Index Scan (?:using|on) (\w+)", plan)
    assert sorted(used) in (["task_queue", "task_running"], ["task_queue", "task_user_running"]), plan
    assert "Seq Scan" not in plan


def test_two_thousand_waiting_tasks_are_foreseen_in_milliseconds() -> None:
    import time

    waiting = [(number, number % 37) for number in range(2_000)]
    began = time.thread_time()  # its own work, whatever else the machine does
    assert len(foreseen(waiting, [1, 2, 3], Counter({5: 1}), places=20, limit=5)) == 2_000
    assert time.thread_time() - began < 0.5


# how many may run


def test_four_workers_never_run_more_of_a_user_than_the_limit_and_others_pass(committed_db: Any, busy: Engine, settings: Any) -> None:
    settings.RATE_LIMITS, settings.USER_RUNNING_LIMIT = True, 2
    Engine.objects.filter(pk=busy.pk).update(concurrency=4)
    greedy, modest = make_user(), make_user()
    tasks = [make_task(greedy) for _ in range(8)] + [make_task(modest) for _ in range(2)]
    most: Counter[int] = Counter()
    guard, two_run = threading.Lock(), threading.Event()

    def work() -> None:
        while True:
            claimed = task_claim(owner_name())
            if claimed is not None:
                running = Counter(Task.objects.filter(status="RUNNING").values_list("user_id", flat=True))
                with guard:
                    for user, count in running.items():
                        most[user] = max(most[user], count)
                if most[greedy.pk] == 2:
                    two_run.set()
                assert two_run.wait(30), "the limit is reached"
                threading.Event().wait(0.02)
                end(claimed)
            elif not Task.objects.filter(status="PENDING").exists():
                return
            else:
                threading.Event().wait(0.005)

    assert at_once(*[work] * 4) == [None] * 4
    assert not Task.objects.exclude(status="FAILED").exists()
    order = list(Task.objects.order_by("started_at").values_list("user_id", flat=True))
    assert len(order) == len(tasks)
    assert most[greedy.pk] == 2
    assert order.index(modest.pk) <= 4, "seven older tasks of the other user did not hold them up"


# how many may wait


def ordered(user: User) -> Any:
    return make_task(user).pk


def queued() -> int:
    found: int = fetch_one("select count(*) as tasks from generation_task where status = 'PENDING'").tasks
    return found


def test_twenty_orders_at_once_fill_the_queue_to_its_limit_and_not_beyond(committed_db: Any, busy: Engine, settings: Any) -> None:
    settings.RATE_LIMITS, settings.QUEUE_LIMIT = True, 7
    users = [make_user() for _ in range(20)]
    results = at_once(*[partial(ordered, user) for user in users])
    refused = [user for user, result in zip(users, results, strict=True) if isinstance(result, QueueFull)]
    assert (queued(), len(refused)) == (7, 13), results
    assert {(balance(user), held(user), tuple(events(user))) for user in refused} == {(1_000, 0, ())}


def test_without_the_queues_lock_the_same_orders_pass_its_limit(committed_db: Any, busy: Engine, settings: Any) -> None:
    settings.RATE_LIMITS, settings.QUEUE_LIMIT = True, 7
    guard = "perform pg_advisory_xact_lock(hashtext('generation_queue_full'));"
    unguarded = CREATE.read_text().replace("create function", "create or replace function")
    assert guard in unguarded
    # every order is open after it was counted until all are, as one that waits for a lock is
    unguarded = unguarded.replace(guard, "").replace(
        "  v_number := accounts_event", "  perform pg_advisory_xact_lock_shared(7);\n  v_number := accounts_event"
    )
    with connection.cursor() as cursor:
        cursor.execute(unguarded)
    users = [make_user() for _ in range(20)]
    is_held = threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(7)")
            is_held.set()
            while waiting_for_locks() < len(users):
                threading.Event().wait(0.02)
            cursor.execute("select pg_advisory_unlock(7)")

    def order(user: User) -> Any:
        assert is_held.wait(30)
        return ordered(user)

    at_once(hold, *[partial(order, user) for user in users])
    assert queued() == 20


def waiting_for_locks() -> int:
    """How many transactions of this database wait for an advisory lock."""
    statement = """
    select count(*) as waiting from pg_locks join pg_database on pg_database.oid = pg_locks.database
     where datname = current_database() and locktype = 'advisory' and not granted
    """
    found: int = fetch_one(statement).waiting
    return found


def test_far_from_its_limit_the_queue_is_not_locked(committed_db: Any, busy: Engine, settings: Any) -> None:
    settings.RATE_LIMITS, settings.QUEUE_LIMIT = True, 1_000
    user = make_user()
    with_lock = threading.Event()
    done = threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(hashtext('generation_queue_full'))")
            with_lock.set()
            done.wait(20)
            cursor.execute("select pg_advisory_unlock(hashtext('generation_queue_full'))")

    def order() -> Any:
        with_lock.wait(20)
        try:
            return ordered(user)
        finally:
            done.set()

    assert isinstance(at_once(hold, order)[1], int)


@pytest.mark.django_db
def test_a_full_queue_takes_no_retry_and_moves_nothing(stub: Engine, settings: Any) -> None:
    user = make_user()
    task = make_task(user)
    Task.objects.filter(pk=task.pk).update(status="FAILED")
    settings.RATE_LIMITS, settings.QUEUE_LIMIT = True, 1
    make_task(make_user())
    before = (balance(user), events(user), Task.objects.count())
    with pytest.raises(QueueFull):
        task_retry(principal=principal_of(user), task_uuid=task.uuid)
    assert (balance(user), events(user), Task.objects.count()) == before


@pytest.mark.django_db
def test_a_place_that_became_free_is_given_again(stub: Engine, settings: Any) -> None:
    settings.RATE_LIMITS, settings.QUEUE_LIMIT = True, 1
    make_task(make_user())
    with pytest.raises(QueueFull):
        make_task(make_user())
    assert task_claim(owner_name()) is not None
    assert make_task(make_user()).status == "PENDING"
