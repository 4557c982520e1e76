"""Users' webhooks against a real local receiver: signed bytes, retries, disabling, replay."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from accounts.models import Event, User, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.selectors.webhook import deliveries_of, delivery_of
from accounts.services.api_key import NewKey, api_key_create
from accounts.services.webhook import BACKOFF_S, delivery_create, delivery_replay, delivery_send_due
from config.kernel import clock as kernel_clock
from config.kernel.errors import Conflict, NotFound
from tests.accounts.conftest import Person

pytestmark = pytest.mark.django_db
BODY = '{"event":"task.completed","text":"汉字 é"}'.encode()
START = kernel_clock.real_now()


class Receiver:
    """A server that answers with the statuses it was given (the last one for ever) and keeps what it got."""

    def __init__(self, server: HTTPServer) -> None:
        self.statuses = [200]
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.url = server.url_for("/hook?a=1")
        server.expect_request("/hook", method="POST").respond_with_handler(self._take)
        server.expect_request("/elsewhere").respond_with_handler(self._take)

    def _take(self, request: Request) -> Response:
        self.got.append((request.path, dict(request.headers), request.get_data()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Response("", status, headers={"location": "/elsewhere"} if status in (301, 302, 307) else None)


@pytest.fixture
def receiver(httpserver: HTTPServer) -> Receiver:
    return Receiver(httpserver)


@pytest.fixture
def owner(person: Person) -> User:
    return person()


@pytest.fixture
def key(owner: User) -> NewKey:
    return api_key_create(user_id=owner.pk, name="mine")


def waiting(owner: User, key: NewKey | None, receiver: Receiver, reference: str = "t-1", **fields: Any) -> WebhookDelivery | None:
    return delivery_create(
        user_id=owner.pk,
        api_key_id=key.id if key else None,
        url=receiver.url,
        event_kind="task.completed",
        reference=reference,
        body=BODY,
        **{"at": START, **fields},
    )


def test_sends_exactly_these_bytes_signed(owner: User, key: NewKey, receiver: Receiver) -> None:
    delivery = waiting(owner, key, receiver)
    assert delivery_send_due() == 1
    ((_, headers, body),) = receiver.got
    assert body == BODY
    assert Webhook(key.webhook_secret).verify(body, {name.lower(): value for name, value in headers.items()}) is not None
    assert headers["Webhook-Id"] == f"msg_{delivery.pk.hex}"
    assert headers["Content-Type"] == "application/json"
    delivery.refresh_from_db()
    assert (delivery.state, delivery.tries, delivery.next_try_at, delivery.leased_until) == ("delivered", 1, None, None)
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status_code, attempt.error, attempt.is_replay) == (200, "", False)
    assert delivery_send_due() == 0
    assert len(receiver.got) == 1


def test_another_secret_does_not_verify(owner: User, key: NewKey, receiver: Receiver) -> None:
    other = api_key_create(user_id=owner.pk, name="other")
    waiting(owner, key, receiver)
    delivery_send_due()
    ((_, headers, body),) = receiver.got
    from standardwebhooks import WebhookVerificationError

    with pytest.raises(WebhookVerificationError):
        Webhook(other.webhook_secret).verify(body, {name.lower(): value for name, value in headers.items()})


def test_is_created_once_for_a_task_and_event(owner: User, key: NewKey, receiver: Receiver) -> None:
    assert waiting(owner, key, receiver) is not None
    assert waiting(owner, key, receiver) is None
    assert waiting(owner, key, receiver, "t-2") is not None
    assert WebhookDelivery.objects.count() == 2
    assert WebhookEndpoint.objects.count() == 1


def test_backs_off_for_twenty_four_hours_then_gives_up(owner: User, key: NewKey, receiver: Receiver) -> None:
    receiver.statuses = [500]
    delivery = waiting(owner, key, receiver)
    at = START
    waits = []
    while True:
        assert delivery_send_due(at=at) == 1
        delivery.refresh_from_db()
        if delivery.next_try_at is None:
            break
        waits.append(int((delivery.next_try_at - at).total_seconds()))
        assert delivery_send_due(at=delivery.next_try_at - dt.timedelta(milliseconds=1)) == 0
        at = delivery.next_try_at
    assert waits[:-1] == list(BACKOFF_S)
    assert at == START + dt.timedelta(hours=24)
    assert delivery.state == "failed"
    assert len(receiver.got) == len(BACKOFF_S) + 2
    assert len({headers["Webhook-Id"] for _, headers, _ in receiver.got}) == 1


def test_a_day_of_failures_disables_the_address(owner: User, key: NewKey, receiver: Receiver) -> None:
    receiver.statuses = [500]
    waiting(owner, key, receiver)
    delivery_send_due(at=START)
    assert WebhookEndpoint.objects.get().failing_since == START
    later = START + dt.timedelta(hours=24)
    waiting(owner, key, receiver, "t-2", at=later)
    delivery_send_due(at=later)
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.disabled_at, endpoint.disabled_reason) == (later, "failing for a day")
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"failed"}
    assert waiting(owner, key, receiver, "t-3") is None
    event = Event.objects.get(kind="webhook.disabled")
    assert event.payload == {"url": receiver.url, "reason": "failing for a day"}


def test_success_in_between_forgets_the_failures(owner: User, key: NewKey, receiver: Receiver) -> None:
    receiver.statuses = [500, 204]
    waiting(owner, key, receiver)
    delivery_send_due(at=START)
    delivery_send_due(at=START + dt.timedelta(seconds=5))
    assert WebhookEndpoint.objects.get().failing_since is None
    assert WebhookDelivery.objects.get().state == "delivered"


def test_gone_disables_at_once(owner: User, key: NewKey, receiver: Receiver) -> None:
    receiver.statuses = [410]
    waiting(owner, key, receiver)
    waiting(owner, key, receiver, "t-2")
    assert delivery_send_due(at=START) == 1
    assert WebhookEndpoint.objects.get().disabled_reason == "gone"
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"failed"}
    assert Event.objects.filter(kind="webhook.disabled").count() == 1


def test_redirect_is_a_failure_and_not_followed(owner: User, key: NewKey, receiver: Receiver) -> None:
    receiver.statuses = [302]
    waiting(owner, key, receiver)
    delivery_send_due(at=START)
    assert [path for path, _, _ in receiver.got] == ["/hook"]
    assert WebhookAttempt.objects.get().status_code == 302
    assert WebhookDelivery.objects.get().state == "pending"


def test_private_address_is_never_called_outside_demo_mode(owner: User, key: NewKey, receiver: Receiver, settings: Any) -> None:
    settings.DEMO = False
    waiting(owner, key, receiver)
    delivery_send_due(at=START)
    assert receiver.got == []
    attempt = WebhookAttempt.objects.get()
    assert attempt.status_code is None
    assert attempt.error


def test_dead_server_is_noted_and_retried(owner: User, key: NewKey, receiver: Receiver) -> None:
    receiver.url = "http://127.0.0.1:9/hook"
    waiting(owner, key, receiver)
    delivery_send_due(at=START)
    assert WebhookAttempt.objects.get().error
    assert WebhookDelivery.objects.get().next_try_at == START + dt.timedelta(seconds=BACKOFF_S[0])


def test_leased_delivery_is_not_sent_twice(owner: User, key: NewKey, receiver: Receiver) -> None:
    delivery = waiting(owner, key, receiver)
    WebhookDelivery.objects.update(leased_until=START + dt.timedelta(seconds=60))
    assert delivery_send_due(at=START) == 0
    with pytest.raises(Conflict):
        delivery_replay(user_id=owner.pk, delivery_id=delivery.pk, at=START)
    assert delivery_send_due(at=START + dt.timedelta(seconds=61)) == 1
    assert len(receiver.got) == 1


def test_replay_is_the_owners_keeps_id_and_bytes_and_wakes_a_dead_address(
    owner: User, key: NewKey, receiver: Receiver, person: Person
) -> None:
    receiver.statuses = [410, 500, 200]
    delivery = waiting(owner, key, receiver)
    delivery_send_due(at=START)
    with pytest.raises(NotFound):
        delivery_replay(user_id=person().pk, delivery_id=delivery.pk)
    assert len(receiver.got) == 1
    assert delivery_replay(user_id=owner.pk, delivery_id=delivery.pk).status_code == 500
    assert WebhookEndpoint.objects.get().disabled_at is not None
    attempt = delivery_replay(user_id=owner.pk, delivery_id=delivery.pk)
    assert (attempt.status_code, attempt.is_replay) == (200, True)
    assert WebhookDelivery.objects.get().state == "delivered"
    assert WebhookEndpoint.objects.get().disabled_at is None
    assert len({(headers["Webhook-Id"], body) for _, headers, body in receiver.got}) == 1


def test_without_a_key_it_goes_unsigned(owner: User, receiver: Receiver) -> None:
    waiting(owner, None, receiver)
    delivery_send_due(at=START)
    assert "Webhook-Signature" not in receiver.got[0][1]
    assert "Webhook-Id" in receiver.got[0][1]


def test_reading_starts_from_the_owner(
    owner: User, key: NewKey, receiver: Receiver, person: Person, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        waiting(owner, key, receiver, f"t-{number}")
    delivery_send_due(at=START)
    with django_assert_num_queries(2):
        found = deliveries_of(owner.pk)
        assert [len(delivery.attempts.all()) for delivery in found] == [1, 1, 1]
    assert [delivery.reference for delivery in deliveries_of(owner.pk, reference="t-1")] == ["t-1"]
    stranger = person()
    assert deliveries_of(stranger.pk) == []
    assert delivery_of(stranger.pk, found[0].pk) is None
    assert delivery_of(owner.pk, found[0].pk) == found[0]
