"""What is told of how long a task will take."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from config.kernel import clock
from credits.services.entitlement import entitlement_set
from generation.kinds import KINDS
from generation.models import Engine, Route, Task
from generation.selectors import routes
from generation.selectors.estimate import estimate_s, kind_usual_s, usual_s, wait_s
from generation.services.claim import owner_name, task_claim
from generation.services.task_create import task_create
from tests.generation.life.conftest import make_task, make_user, principal_of, use_engine

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
PARAMS = {"prompt": "a fox", "quality": "standard", "aspect_ratio": "landscape"}


@pytest.fixture
def engine(stub: Engine) -> Engine:
    """One engine with two places behind every route."""
    Engine.objects.filter(pk=stub.pk).update(concurrency=2)
    routes.forget()
    return stub


def done(user: User, *, took_s: float, waited_s: float = 0, kind: str = "text-to-video", alias: str = "sora2", count: int = 1) -> None:
    """So many tasks that waited and then took so long."""
    now = clock.real_now()
    begun = now - dt.timedelta(seconds=took_s)
    Task.objects.bulk_create(
        Task(
            user=user, kind=kind, alias=alias, offer=f"video/{kind}", params={}, status="SUCCEEDED", cost_credits=0, estimate_s=1,
            deadline_at=now, created_at=begun - dt.timedelta(seconds=waited_s), updated_at=now, started_at=begun, completed_at=now,
        )
        for _ in range(count)
    )  # fmt: skip
    routes.forget()


def test_until_something_was_measured_the_kinds_own_estimate_is_told(engine: Engine) -> None:
    assert (usual_s("text-to-video", "sora2"), usual_s("text2img", "stable-diffusion-v1-5")) == (180, 5)
    assert make_task(make_user()).estimate_s == 180


def test_waiting_is_no_part_of_what_a_task_takes(engine: Engine) -> None:
    done(make_user(), took_s=40, waited_s=3_000, count=3)
    assert (usual_s("text-to-video", "sora2"), make_task(make_user()).estimate_s) == (40, 40)


def test_a_rare_alias_is_measured_by_its_own_tasks_however_many_others_there_are(engine: Engine) -> None:
    user = make_user()
    done(user, took_s=77, kind="text2img", alias="stable-diffusion-v1-5")
    done(user, took_s=9, count=600)
    assert (usual_s("text2img", "stable-diffusion-v1-5"), usual_s("text-to-video", "sora2")) == (77, 9)
    assert usual_s("text2img", "stable-diffusion-xl-base-1.0") == 5, "its neighbour was never measured"


def test_it_is_the_median_of_the_last_hundred(engine: Engine) -> None:
    user = make_user()
    done(user, took_s=1_000, count=150)
    Task.objects.update(completed_at=clock.real_now() - HOUR, started_at=clock.real_now() - HOUR - dt.timedelta(seconds=1_000))
    done(user, took_s=10, count=60)
    done(user, took_s=500, count=40)
    assert usual_s("text-to-video", "sora2") == 10


def test_while_a_place_is_free_nothing_is_waited_for(engine: Engine) -> None:
    make_task(make_user())
    assert task_claim(owner_name()) is not None
    routes.forget()
    assert wait_s("text-to-video", "sora2", priority=0) == 0


def test_the_work_ahead_is_shared_among_the_places(engine: Engine) -> None:
    user = make_user()
    done(user, took_s=60)
    done(user, took_s=10, kind="text2img", alias="stable-diffusion-v1-5")
    for _ in range(6):
        make_task(user)
    for _ in range(2):
        assert task_claim(owner_name()) is not None
    routes.forget()
    # two half done and four waiting, on two places: (2 × 30 + 4 × 60) / 2
    assert wait_s("text-to-video", "sora2", priority=0) == 150
    assert estimate_s("text-to-video", "sora2") == 210
    assert estimate_s("text2img", "stable-diffusion-v1-5") == 160, "it waits for the same engine"
    assert make_task(make_user()).estimate_s == 210


def test_who_stands_first_is_told_the_shorter_wait(engine: Engine) -> None:
    member, now = make_user(), clock.now()
    entitlement_set(user_id=member.pk, name="priority", valid_from=now - HOUR, valid_until=now + HOUR, daily_units=0)
    done(member, took_s=60)
    for _ in range(6):
        make_task(make_user())
    for _ in range(2):
        assert task_claim(owner_name()) is not None
    routes.forget()
    assert (make_task(make_user()).estimate_s, make_task(member).estimate_s) == (210, 90)


def test_work_of_other_engines_is_not_waited_for(engine: Engine) -> None:
    for _ in range(6):
        make_task(make_user())
    other = Engine.objects.create(name="other", adapter="stub", concurrency=1)
    Route.objects.filter(kind="upscale").delete()
    Route.objects.create(kind="upscale", alias="RealESRGAN", engine=other)
    routes.forget()
    assert wait_s("upscale", "RealESRGAN", priority=0) == 0
    assert wait_s("text-to-video", "sora2", priority=0) > 0


def test_an_engine_that_is_broken_offers_no_place(engine: Engine) -> None:
    use_engine("stub", concurrency=2, broken_until=clock.real_now() + HOUR)
    Engine.objects.filter(pk=engine.pk).update(is_enabled=True)
    for _ in range(2):
        make_task(make_user())
    routes.forget()
    assert wait_s("text-to-video", "sora2", priority=0) == 180
    Engine.objects.update(broken_until=None)
    routes.forget()
    assert wait_s("text-to-video", "sora2", priority=0) == 0


def test_nothing_is_told_that_is_longer_than_a_day(engine: Engine) -> None:
    user = make_user(10_000)
    done(user, took_s=80_000)
    for _ in range(5):
        make_task(user)
    routes.forget()
    assert estimate_s("text-to-video", "sora2") == 86_400


def test_an_order_asks_the_database_once(engine: Engine) -> None:
    user, asked = make_user(), list[str]()
    make_task(user)

    def note(execute: Any, statement: str, *rest: Any) -> Any:
        asked.append(statement)
        return execute(statement, *rest)

    with connection.execute_wrapper(note):
        task_create(principal=principal_of(user), kind="text-to-video", offer="video/text-to-video", alias="sora2", params=PARAMS)
    assert [statement.split("(")[0] for statement in asked if "SAVEPOINT" not in statement] == ["SELECT * FROM generation_task_create"]


def test_a_kinds_usual_time_is_the_middle_one_of_its_aliases(stub: Engine) -> None:
    assert kind_usual_s("text2img") == KINDS["text2img"].estimate_s
    for alias, took_s in (("a", 10), ("b", 20), ("c", 90)):
        Route.objects.create(kind="text2img", alias=alias, engine=stub)
        done(make_user(), took_s=took_s, kind="text2img", alias=alias, count=3)
    routes.forget()
    assert kind_usual_s("text2img") == 20
