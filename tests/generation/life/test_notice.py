"""A user's webhook hears of the end: once, signed, with the task as the API shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from accounts.models import WebhookDelivery
from accounts.services.api_key import api_key_create
from accounts.services.webhook import delivery_send_due
from config.kernel.principal import Principal
from generation.models import Engine, Task
from generation.services.cancel import task_cancel
from generation.services.task_create import task_create
from tests.generation.life.conftest import make_task, make_user, run_next

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(httpserver: HTTPServer) -> list[Request]:
    requests: list[Request] = []

    def hear(request: Request) -> Response:
        request.get_data()
        requests.append(request)
        return Response("", 204)

    httpserver.expect_request("/hook").respond_with_handler(hear)
    return requests


@pytest.mark.parametrize(
    ("prompt", "event", "status"),
    [("a fox", "task.completed", "completed"), ("fail", "task.failed", "failed"), ("", "task.cancelled", "failed")],
)
def test_the_end_is_delivered_signed_as_the_api_shows_it(
    stub: Engine, httpserver: HTTPServer, heard: list[Request], api: Callable[..., Any], prompt: str, event: str, status: str
) -> None:
    user = make_user()
    key = api_key_create(user_id=user.pk, name="mine")
    created = task_create(
        principal=Principal(user.pk, user.uuid, api_key_id=key.id),
        kind="text-to-video",
        offer="video/text-to-video",
        alias="sora2",
        params={"prompt": prompt, "quality": "standard", "aspect_ratio": "landscape"},
        webhook_url=httpserver.url_for("/hook"),
    )
    if event == "task.cancelled":
        task_cancel(user_id=user.pk, task_uuid=created.uuid)
    else:
        run_next()
    assert delivery_send_due() == 1
    assert delivery_send_due() == 0
    (request,) = heard
    body = Webhook(key.webhook_secret).verify(request.get_data(), dict(request.headers.items()))
    assert body["event"] == event
    assert body["status"] == status
    shown = api(user, key=key.key).get(f"/api/tasks/{created.uuid}")
    assert shown.status == 200
    assert {name: value for name, value in body.items() if name != "event"} == shown.body
    assert "prompt" not in json.dumps(body)


def test_no_webhook_no_delivery(stub: Engine) -> None:
    make_task(make_user())
    run_next()
    assert WebhookDelivery.objects.count() == 0


def test_a_step_back_to_the_queue_is_no_end(stub: Engine, httpserver: HTTPServer) -> None:
    make_task(make_user(), "later:1", webhook_url=httpserver.url_for("/hook"))
    run_next()
    assert WebhookDelivery.objects.count() == 0
    Task.objects.update(run_after=None)
    run_next()
    assert list(WebhookDelivery.objects.values_list("event_kind", flat=True)) == ["task.completed"]


def test_a_webhook_that_cannot_be_queued_stops_the_end(stub: Engine, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """State, money, event and delivery stand or fall together."""

    def broken(**_: Any) -> None:
        raise ZeroDivisionError

    task = make_task(make_user(), webhook_url=httpserver.url_for("/hook"))
    monkeypatch.setattr("generation.services.notice.delivery_create", broken)
    with pytest.raises(ZeroDivisionError):
        task_cancel(user_id=task.user_id, task_uuid=task.uuid)
    task.refresh_from_db()
    assert task.status == "PENDING"
