"""What events say on the destinations of document 002 §8, and to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.realtime.listener import Message
from accounts.realtime.stomp.messages import PROGRESS, RESULT, Told, forget, standing, told, told_quickly
from config.kernel import clock
from generation.exceptions import TaskNotFound
from generation.models import Asset, Attempt, Engine
from generation.selectors.named import task_name
from generation.services.link import link_of
from tests.conftest import UserFactory
from tests.realtime.sockets import task_made

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    forget()
    yield
    forget()


def message(kind: str, task: Any, **payload: Any) -> Message:
    return Message(7, kind, {"task_id": str(task.uuid), **payload})


def bodies(found: list[Told]) -> list[tuple[str, Any]]:
    return [(one.destination, json.loads(one.body)) for one in found]


def asset(user: Any, task: Any, name: str, source: str = "output", thumbnail: Asset | None = None) -> Asset:
    return Asset.objects.create(
        user=user, task=task, source=source, kind="image", storage_key=name, content_type="image/png", size_bytes=1,
        sha256=b"0" * 32, created_at=clock.real_now(), used_at=clock.real_now(), thumbnail=thumbnail,
    )  # fmt: skip


def test_a_result_names_every_picture_in_order_with_its_thumbnail(user_factory: UserFactory) -> None:
    user = user_factory()
    task = task_made(user)
    small = asset(user, task, "a/t.jpg", "thumbnail")
    first, second = asset(user, task, "a/1.png", thumbnail=small), asset(user, task, "a/2.png")
    asset(user, task, "a/in.png", "upload")
    progress, result = bodies(told(user.pk, message("task.completed", task)))
    assert (progress[0], progress[1]["progress"], result[0]) == (PROGRESS, 100, RESULT)
    assert result[1] == {
        "type": "result",
        "taskId": task_name(task.kind, task.created_at, task.pk),
        "status": "COMPLETED",
        "results": [{"url": link_of(first), "thumbnailUrl": link_of(small)}, {"url": link_of(second), "thumbnailUrl": None}],
    }


ENDINGS = [
    (
        "task.failed",
        {"status": "FAILED", "error_code": "engine_failed"},
        {"type": "error", "code": "E001", "message": "生成失败：模型加载错误"},
    ),
    ("task.failed", {"status": "TIMEOUT", "error_code": "timeout"}, {"type": "error", "code": "E008", "message": "生成失败：任务超时"}),
    ("task.failed", {"status": "FAILED", "error_code": "insufficient_credits"}, {"type": "error", "code": "E002", "message": "余额不足"}),
    ("task.cancelled", {"status": "CANCELLED"}, {"type": "result", "status": "CANCELLED", "results": []}),
]


@pytest.mark.parametrize(("kind", "fields", "expected"), ENDINGS, ids=["engine", "timeout", "balance", "cancelled"])
def test_an_end_without_success_says_why(user_factory: UserFactory, kind: str, fields: Any, expected: Any) -> None:
    user = user_factory()
    task = task_made(user, **fields)
    name = task_name(task.kind, task.created_at, task.pk)
    assert bodies(told(user.pk, message(kind, task))) == [(RESULT, {"taskId": name, **expected})]


def test_progress_needs_the_database_once_a_task(user_factory: UserFactory, django_assert_num_queries: Any) -> None:
    user = user_factory()
    task = task_made(user, status="RUNNING", progress=10, params={})
    begun, step = message("task.started", task), message("task.progress", task, progress=33.3)
    assert told_quickly(user.pk, step) is None
    assert bodies(told(user.pk, begun))[0][1]["progress"] == 10
    with django_assert_num_queries(0):
        found = told_quickly(user.pk, step)
    assert found is not None
    body = bodies(found)[0][1]
    assert (body["progress"], body["currentStep"], body["totalSteps"]) == (33, 33, 100)


def test_another_users_task_and_other_events_say_nothing(user_factory: UserFactory) -> None:
    user, stranger = user_factory(), user_factory()
    task = task_made(user)
    told(user.pk, message("task.completed", task))
    assert told_quickly(stranger.pk, message("task.progress", task, progress=1)) is None
    assert told(stranger.pk, message("task.completed", task)) == []
    assert told_quickly(user.pk, Message(1, "order.settled", {})) == []
    strange: list[Any] = [{}, None, [], {"task_id": "x"}]
    for payload in strange:
        assert told(user.pk, Message(1, "task.created", payload)) == []


def test_a_status_is_told_to_the_owner_only(user_factory: UserFactory) -> None:
    user, stranger = user_factory(), user_factory()
    task = task_made(user, status="FAILED", error_code="timeout", progress=40)
    name = task_name(task.kind, task.created_at, task.pk)
    asset(user, task, "a/late.png")  # came after the refund
    assert standing(user_id=user.pk, name=name) == {
        "type": "status",
        "taskId": name,
        "status": "FAILED",
        "progress": 40,
        "code": "E008",
        "message": "生成失败：任务超时",
        "results": [],
    }
    for user_id, wrong in ((stranger.pk, name), (user.pk, name.replace("t2i_", "up_")), (user.pk, "t2i_20250101_99"), (user.pk, "\0")):
        with pytest.raises(TaskNotFound):
            standing(user_id=user_id, name=wrong)


def test_beginnings_tell_how_far_the_task_is_and_unknown_events_nothing(user_factory: UserFactory) -> None:
    user = user_factory()
    task = task_made(user, status="RUNNING", progress=40)
    for kind in ("task.created", "task.started"):
        [(_, body)] = bodies(told(user.pk, message(kind, task)))
        assert (body["progress"], body["currentStep"]) == (40, 12)
    assert told(user.pk, message("task.praised", task)) == []


def test_a_story_that_is_over_begins_at_0_unless_a_second_attempt_began_further_on(user_factory: UserFactory) -> None:
    user = user_factory()
    task = task_made(user, status="FAILED", progress=60, error_code="timeout")
    engine = Engine.objects.earliest("pk")
    for number, percent in ((1, 0), (2, 60)):
        Attempt.objects.create(task=task, number=number, engine=engine, sent_at=clock.real_now())
        [(_, body)] = bodies(told(user.pk, message("task.started", task)))
        assert (body["progress"], body["currentStep"]) == (percent, percent * 30 // 100)
