"""A worker carries a task to its end."""

from __future__ import annotations

import hashlib
import itertools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generation import storage
from generation.models import Attempt, Engine, Route, Task
from generation.selectors import routes
from generation.services.claim import owner_name, task_claim
from generation.services.run import task_run
from generation.services.watch import Watch
from tests.generation.life.conftest import balance, events, make_task, make_user, past, run_all, run_next, use_engine
from tests.generation.life.engines import Stub

pytestmark = pytest.mark.django_db


def verdicts(task: Task) -> list[tuple[int, str]]:
    return list(Attempt.objects.filter(task=task).order_by("number").values_list("number", "state"))


def test_a_task_succeeds_with_its_own_copy_stored(stub: Engine, clip: Callable[[float], Path]) -> None:
    user = make_user()
    make_task(user)
    task = run_next()
    assert task is not None
    assert (task.status, task.progress, task.cost_credits) == ("SUCCEEDED", 100, 20)
    assert task.output is not None
    assert bytes(task.output.sha256) == hashlib.sha256(clip(1.0).read_bytes()).digest()
    with storage.reading(task.output.storage_key) as file:
        assert file.read() == clip(1.0).read_bytes()
    assert task.output.thumbnail is not None
    assert task.output_duration_ms == 1_000
    assert events(user) == ["task.created", "task.started", "task.completed"]
    assert balance(user) == 980
    assert verdicts(task) == [(1, "succeeded")]
    assert (task.lease_owner, task.lease_until) == ("", None)


def test_a_final_refusal_fails_and_refunds(stub: Engine) -> None:
    user = make_user()
    make_task(user, "fail")
    task = run_next()
    assert task is not None
    assert (task.status, task.error_code, task.error_message) == ("FAILED", "engine_refused", "not this one")
    assert (balance(user), events(user)[-1]) == (1_000, "task.failed")
    assert verdicts(task) == [(1, "failed")]


def test_a_retryable_failure_waits_and_works_at_the_third_attempt(stub: Engine) -> None:
    user = make_user()
    make_task(user, "later:2")
    task = run_next()
    assert task is not None
    assert task.status == "PENDING"
    assert task.run_after is not None
    assert task.run_after > past(0)
    assert run_next() is None, "the back-off is obeyed"
    assert balance(user) == 980
    run_all()
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("SUCCEEDED", 980)
    assert verdicts(task) == [(1, "failed"), (2, "failed"), (3, "succeeded")]


def test_the_third_retryable_failure_is_the_last(stub: Engine) -> None:
    user = make_user()
    task = make_task(user, "later")
    run_all()
    task.refresh_from_db()
    assert (task.status, task.error_code, balance(user)) == ("FAILED", "engine_failed", 1_000)
    assert len(verdicts(task)) == 3


def test_an_output_that_is_no_video_never_succeeds(stub: Engine) -> None:
    user = make_user()
    task = make_task(user, "broken")
    run_all()
    task.refresh_from_db()
    assert (task.status, task.output, balance(user)) == ("FAILED", None, 1_000)
    assert all(a.verdict.startswith("invalid output") for a in Attempt.objects.filter(task=task))


def test_our_own_mistake_gives_up_at_the_third_time_and_tells(stub: Engine, caplog: pytest.LogCaptureFixture) -> None:
    user = make_user()
    task = make_task(user, "bug")
    with caplog.at_level(logging.CRITICAL):
        run_all()
    task.refresh_from_db()
    assert (task.status, task.error_code, task.faults, balance(user)) == ("FAILED", "internal", 3, 1_000)
    assert "ALARM" in caplog.text


def test_a_task_that_hangs_ends_as_timeout(stub: Engine) -> None:
    user = make_user()
    make_task(user, "hang")
    task = task_claim(owner_name())
    assert task is not None
    Task.objects.filter(pk=task.pk).update(deadline_at=past(-1))
    task_run(task)
    task.refresh_from_db()
    assert (task.status, task.error_code, balance(user)) == ("TIMEOUT", "timeout", 1_000)
    assert events(user)[-1] == "task.failed"


def test_an_input_that_cannot_be_fetched_fails_free_before_any_engine(stub: Engine) -> None:
    Stub.started.clear()
    user = make_user()
    make_task(user, kind="image-to-video", image_urls=["http://127.0.0.1:1/none.png"])
    assert balance(user) == 975
    task = run_next()
    assert task is not None
    assert (task.status, task.error_code, balance(user)) == ("FAILED", "input_invalid", 1_000)
    assert Stub.started == []
    assert verdicts(task) == []


def test_a_model_without_a_route_fails_free(stub: Engine) -> None:
    user = make_user()
    task = make_task(user)
    Route.objects.all().delete()
    assert run_next() is None
    task.refresh_from_db()
    assert (task.status, task.error_code, balance(user)) == ("FAILED", "model_retired", 1_000)


def test_progress_is_written_and_told_at_most_twice_a_second(stub: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    looked_at: list[float] = []
    look = Watch.look

    def noted(watch: Watch) -> None:
        looked_at.append(time.monotonic())
        look(watch)

    monkeypatch.setattr(Watch, "look", noted)
    monkeypatch.setattr("generation.services.watch.progress_tell", lambda _task, percent: told.append(percent))
    make_task(make_user(), "slow:1.8")
    task = run_next()
    assert task is not None
    assert task.status == "SUCCEEDED"
    assert 2 <= len(told) <= len(looked_at)
    assert told == sorted(told)
    assert all(later - earlier >= 0.49 for earlier, later in itertools.pairwise(looked_at))


def test_a_worker_that_lost_its_lease_tells_nothing_of_a_task_that_another_has_or_has_ended(
    stub: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    monkeypatch.setattr("generation.services.watch.progress_tell", lambda _task, percent: told.append(percent))
    make_task(make_user())
    task = task_claim(owner_name())
    assert task is not None
    watch = Watch(task)
    watch.progress(30)
    watch.look()
    Task.objects.filter(pk=task.pk).update(lease_owner="another", progress=10)
    watch.progress(50)
    watch.look()
    assert (told, watch.is_lost) == ([30], True)
    task.refresh_from_db()
    assert task.progress == 10


def test_a_worker_that_lost_its_lease_changes_nothing(stub: Engine) -> None:
    user = make_user()
    make_task(user)
    task = task_claim(owner_name())
    assert task is not None
    Task.objects.filter(pk=task.pk).update(lease_owner="somebody else")
    task_run(task)
    task.refresh_from_db()
    assert (task.status, task.lease_owner, balance(user)) == ("RUNNING", "somebody else", 980)
    assert verdicts(task) == []


def test_claims_members_first_then_oldest(stub: Engine) -> None:
    first, second, member = (make_task(make_user(), f"{n}") for n in range(3))
    Task.objects.filter(pk=member.pk).update(priority=1)
    assert [task_claim(owner_name()).pk for _ in range(3)] == [member.pk, first.pk, second.pk]


def test_claims_within_the_users_limit(stub: Engine, settings: Any) -> None:
    settings.USER_RUNNING_LIMIT = 2
    settings.RATE_LIMITS = True
    greedy, other = make_user(), make_user()
    for _ in range(3):
        make_task(greedy)
    theirs = make_task(other)
    claimed = [task_claim(owner_name()) for _ in range(4)]
    assert [task.user_id for task in claimed[:2] if task] == [greedy.pk, greedy.pk]
    assert claimed[2] is not None
    assert claimed[2].pk == theirs.pk
    assert claimed[3] is None


def test_claims_within_the_engines_concurrency(stub: Engine) -> None:
    Engine.objects.filter(pk=stub.pk).update(concurrency=1)
    for _ in range(2):
        make_task(make_user())
    assert task_claim(owner_name()) is not None
    assert task_claim(owner_name()) is None


def test_a_full_engine_leads_to_the_next_of_the_route(stub: Engine) -> None:
    Engine.objects.filter(pk=stub.pk).update(concurrency=1)
    spare = Engine.objects.create(name="spare", adapter="stub", concurrency=1)
    for route in list(Route.objects.filter(engine=stub)):
        Route.objects.create(kind=route.kind, alias=route.alias, engine=spare, order=1)
    for _ in range(2):
        make_task(make_user())
    assert [task_claim(owner_name()).engine_id for _ in range(2)] == [stub.pk, spare.pk]


def test_another_attempt_goes_to_another_engine(stub: Engine) -> None:
    spare = Engine.objects.create(name="spare", adapter="stub")
    for route in list(Route.objects.filter(engine=stub)):
        Route.objects.create(kind=route.kind, alias=route.alias, engine=spare, order=1)
    task = make_task(make_user(), "later:1")
    run_all()
    assert list(Attempt.objects.filter(task=task).order_by("number").values_list("engine_id", flat=True)) == [stub.pk, spare.pk]


def test_a_broken_engine_gets_no_task(stub: Engine) -> None:
    make_task(make_user())
    Engine.objects.filter(pk=stub.pk).update(broken_until=past(-60))
    assert task_claim(owner_name()) is None
    Engine.objects.filter(pk=stub.pk).update(broken_until=past(1))
    assert task_claim(owner_name()) is not None


def test_a_disabled_engine_gets_no_task_and_the_task_fails_free(adapters: None) -> None:
    engine = use_engine("stub")
    user = make_user()
    task = make_task(user)
    Engine.objects.filter(pk=engine.pk).update(is_enabled=False)
    routes.forget()
    assert task_claim(owner_name()) is None
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("FAILED", 1_000)
