"""Health of engines: measured, and a broken one left alone."""

from __future__ import annotations

import datetime as dt

import pytest

from config.kernel import clock
from generation.models import Attempt, Engine
from generation.selectors.engine_stats import engine_stats
from generation.selectors.queue import queue_position
from generation.services.attempt import attempt_end
from generation.services.route import engine_judge
from generation.states import REFUSED, AttemptState
from tests.generation.life.conftest import make_task, make_user, past, run_next

pytestmark = pytest.mark.django_db


def attempt(engine: Engine, state: str, *, took_s: float = 1, ago_s: float = 10, verdict: str = "") -> Attempt:
    """An attempt that ended so."""
    sent = past(ago_s)
    task = make_task(make_user())
    return Attempt.objects.create(
        task=task, number=1, engine=engine, state=state, verdict=verdict, sent_at=sent, ended_at=sent + dt.timedelta(seconds=took_s)
    )


def test_success_rate_median_and_p95_per_engine_and_model(afar: Engine) -> None:
    for took in range(1, 21):
        attempt(afar, "succeeded", took_s=took, ago_s=100)
    for _ in range(5):
        attempt(afar, "failed", took_s=999, ago_s=100, verdict="busy")
    attempt(afar, "failed", verdict=REFUSED + "no")
    attempt(afar, "lost", verdict="worker lost")
    attempt(afar, "cancelled")
    attempt(afar, "failed", ago_s=25 * 3600)
    (row,) = engine_stats()
    assert (row.engine, row.kind, row.alias, row.attempts) == (afar.name, "text-to-video", "sora2", 25)
    assert row.success_rate == pytest.approx(0.8)
    assert row.median_s == pytest.approx(10.5)
    assert row.p95_s == pytest.approx(19.05)


def test_five_failures_in_a_row_break_the_engine_for_a_minute(afar: Engine) -> None:
    for number in range(5):
        assert not engine_judge(afar)
        attempt(afar, "failed", ago_s=50 - number)
    assert engine_judge(afar)
    afar.refresh_from_db()
    assert afar.broken_until is not None
    assert 55 < (afar.broken_until - clock.real_now()).total_seconds() <= 60
    make_task(make_user())
    assert run_next() is None


def test_one_success_mends_it(afar: Engine) -> None:
    for number in range(5):
        attempt(afar, "failed", ago_s=50 - number)
    engine_judge(afar)
    afar.refresh_from_db()
    attempt(afar, "succeeded", ago_s=1)
    assert not engine_judge(afar)
    afar.refresh_from_db()
    assert afar.broken_until is None


@pytest.mark.parametrize(("state", "verdict"), [("failed", REFUSED + "no"), ("lost", "worker lost"), ("cancelled", "")])
def test_what_is_not_the_engines_fault_does_not_break_it(afar: Engine, state: str, verdict: str) -> None:
    for _ in range(9):
        attempt(afar, state, verdict=verdict)
    assert not engine_judge(afar)


def test_old_failures_are_forgotten(afar: Engine) -> None:
    for _ in range(9):
        attempt(afar, "failed", ago_s=700)
    assert not engine_judge(afar)


def test_an_engine_inside_the_worker_never_rests(stub: Engine) -> None:
    for _ in range(9):
        attempt(stub, "failed")
    assert not engine_judge(stub)


def test_the_end_of_an_attempt_judges_its_engine(afar: Engine, django_capture_on_commit_callbacks: object) -> None:
    for number in range(4):
        attempt(afar, "failed", ago_s=50 - number)
    last = Attempt.objects.create(task=make_task(make_user()), number=1, engine=afar, sent_at=past(1))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert attempt_end(last, AttemptState.FAILED, "busy")
    afar.refresh_from_db()
    assert afar.broken_until is not None
    assert not attempt_end(last, AttemptState.SUCCEEDED), "an attempt ends once"


def test_the_place_in_the_queue_is_the_databases(stub: Engine) -> None:
    first, second = make_user(), make_user()
    tasks = [make_task(first), make_task(second), make_task(first)]
    assert [queue_position(user_id=task.user_id, task_id=task.pk) for task in tasks] == [1, 2, 3]
    assert queue_position(user_id=second.pk, task_id=tasks[0].pk) is None, "not theirs"
    run_next()
    assert queue_position(user_id=first.pk, task_id=tasks[0].pk) is None
    assert queue_position(user_id=second.pk, task_id=tasks[1].pk) == 1
