"""Deadlines of engines elsewhere, and what they deliver after we gave up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credits.exceptions import InsufficientCredits
from generation import storage
from generation.engines.base import EngineStatus, Temporary
from generation.exceptions import TaskNotFound
from generation.models import Asset, Attempt, Engine, Task
from generation.services.late import late_drop, late_take
from generation.services.poll import attempt_ask
from tests.generation.life.conftest import balance, events, make_task, make_user, past, run_next
from tests.generation.life.engines import Afar, done

pytestmark = pytest.mark.django_db


def overdue(user: Any) -> Task:
    """A task that an engine elsewhere has, past its deadline."""
    make_task(user)
    task = run_next()
    assert task is not None
    Task.objects.filter(pk=task.pk).update(deadline_at=past(1))
    return task


def ask() -> None:
    Attempt.objects.update(next_poll_at=past(0))
    attempt_ask(Attempt.objects.get().pk)


def timed_out(user: Any) -> Task:
    task = overdue(user)
    ask()
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("TIMEOUT", 1_000)
    return task


def test_the_engine_is_asked_before_the_timeout(afar: Engine, clip: Callable[[float], Path]) -> None:
    user = make_user()
    task = overdue(user)
    Afar.says = done(clip(1.0))
    ask()
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("SUCCEEDED", 980)


def test_a_timeout_asks_the_engine_to_stop_and_watches_on(afar: Engine) -> None:
    task = timed_out(make_user())
    upstream_id = f"up-{task.uuid}-1"
    assert Afar.calls[-2:] == [("poll", upstream_id), ("cancel", upstream_id)]
    attempt = Attempt.objects.get()
    assert (attempt.state, task.error_code) == ("running", "timeout")
    assert attempt.next_poll_at is not None


def test_an_engine_that_stops_at_the_deadline_is_watched_no_more(afar: Engine) -> None:
    Afar.stops = True
    timed_out(make_user())
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.next_poll_at) == ("cancelled", None)


def test_a_silent_engine_gets_time_before_the_timeout_goes_without_its_word(afar: Engine, settings: Any) -> None:
    user = make_user()
    task = overdue(user)
    Afar.says = Temporary("down")
    ask()
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("RUNNING", 980)
    Task.objects.filter(pk=task.pk).update(deadline_at=past(settings.TASK_DEADLINE_S + 1))
    ask()
    task.refresh_from_db()
    assert (task.status, balance(user)) == ("TIMEOUT", 1_000)


def test_a_late_output_is_kept_and_taken_at_the_quoted_price_once(afar: Engine, clip: Callable[[float], Path]) -> None:
    user = make_user()
    task = timed_out(user)
    Afar.says = done(clip(1.0))
    ask()
    task.refresh_from_db()
    assert (task.status, task.output, balance(user)) == ("TIMEOUT", None, 1_000)
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.verdict, attempt.late_asset is not None) == ("succeeded", "late", True)
    assert events(user).count("task.completed") == 0
    first, second = (late_take(user_id=user.pk, task_uuid=task.uuid) for _ in range(2))
    assert first == second == attempt.late_asset
    assert balance(user) == 980
    with pytest.raises(TaskNotFound):
        late_drop(user_id=user.pk, task_uuid=task.uuid)
    assert storage.exists(first.storage_key)


def test_a_late_output_may_be_let_go_and_its_file_goes(afar: Engine, clip: Callable[[float], Path]) -> None:
    user = make_user()
    task = timed_out(user)
    Afar.says = done(clip(1.0))
    ask()
    asset = Attempt.objects.get().late_asset
    assert asset is not None
    late_drop(user_id=user.pk, task_uuid=task.uuid)
    assert (storage.exists(asset.storage_key), Asset.objects.count(), balance(user)) == (False, 0, 1_000)
    with pytest.raises(TaskNotFound):
        late_take(user_id=user.pk, task_uuid=task.uuid)
    assert balance(user) == 1_000


def test_who_cannot_pay_does_not_get_it(afar: Engine, clip: Callable[[float], Path]) -> None:
    user = make_user(20)
    make_task(user)
    task = run_next()
    assert task is not None
    Task.objects.filter(pk=task.pk).update(deadline_at=past(1))
    ask()
    make_task(user)
    Afar.says = done(clip(1.0))
    Attempt.objects.filter(task=task).update(next_poll_at=past(0))
    attempt_ask(Attempt.objects.get(task=task).pk)
    with pytest.raises(InsufficientCredits):
        late_take(user_id=user.pk, task_uuid=task.uuid)
    assert (Attempt.objects.get(task=task).late_choice, balance(user)) == ("", 0)


def test_nobody_takes_or_drops_anothers(afar: Engine, clip: Callable[[float], Path]) -> None:
    task = timed_out(make_user())
    Afar.says = done(clip(1.0))
    ask()
    stranger = make_user()
    for service in (late_take, late_drop):
        with pytest.raises(TaskNotFound):
            service(user_id=stranger.pk, task_uuid=task.uuid)
    assert (balance(stranger), Attempt.objects.get().late_choice) == (1_000, "")


def test_a_late_failure_changes_nothing(afar: Engine) -> None:
    user = make_user()
    task = timed_out(user)
    Afar.says = EngineStatus("failed", 0, message="no")
    ask()
    task.refresh_from_db()
    assert (task.status, balance(user), Attempt.objects.get().state) == ("TIMEOUT", 1_000, "failed")
    assert events(user).count("task.failed") == 1


def test_after_a_day_nobody_waits_any_more(afar: Engine) -> None:
    timed_out(make_user())
    Attempt.objects.update(sent_at=past(24 * 3600 + 1))
    ask()
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.next_poll_at) == ("lost", None)


def test_the_engines_progress_is_written_and_told(afar: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    monkeypatch.setattr("generation.services.poll.progress_tell", lambda _task, percent: told.append(percent))
    make_task(make_user())
    task = run_next()
    assert task is not None
    for percent in (30, 20, 100):
        Afar.says = EngineStatus("running", percent)
        ask()
    task.refresh_from_db()
    assert (task.progress, told) == (99.9, [30, 99.9])
