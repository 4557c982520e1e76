"""The Stripe gateway against a server that is faithful to its protocol, through the real client."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
import stripe

from config.kernel import clock as kernel_clock
from config.kernel.errors import NotConfigured
from payments.exceptions import PaymentFailed, PaymentUnavailable
from payments.gateways.base import OrderRef, Outcome, RawNotice, Unproven
from payments.gateways.registry import checkout_gateway, notice_gateway
from payments.gateways.stripe import StripeGateway
from payments.models import Order
from payments.services.expiry import order_cancel, order_expire_due
from payments.states import NoticeFate
from tests.payments.conftest import Buy, credits_of, deliver, fates, moved
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("channel", ["stripe", "wechat", "alipay", "sandbox", "paypal"])
def test_a_channel_without_settings_takes_no_orders(production: None, channel: str) -> None:
    with pytest.raises(NotConfigured):
        checkout_gateway(channel)
    with pytest.raises(NotConfigured):
        notice_gateway(channel)


def test_an_order_has_a_session_that_says_what_is_bought(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory(), return_url="https://shop.example/paid")
    session = stripe_server.sessions[order.external_id]
    assert order.payment_url == session["url"]
    assert (session["amount_total"], session["currency"]) == (10_000, "cny")
    assert session["client_reference_id"] == session["metadata"]["order"] == str(order.uuid)
    assert order.expires_at == dt.datetime.fromtimestamp(session["expires_at"], dt.UTC)
    method, path, headers = stripe_server.requests[0]
    assert (method, path) == ("POST", "/v1/checkout/sessions")
    assert headers["Idempotency-Key"] == f"order:{order.uuid}"
    assert headers["Stripe-Version"] == stripe.api_version


def test_money_is_credited_once_and_named_for_later_refunds(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    receipt = deliver(*stripe_server.event("checkout.session.completed", stripe_server.pay(order.external_id)))
    order.refresh_from_db()
    assert receipt.fate == NoticeFate.FULFILLED
    assert (order.status, order.charge_id) == ("succeeded", f"pi_{order.external_id[8:]}")
    assert credits_of(user) == 1_100


def test_money_on_its_way_waits_for_its_own_event(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    waiting = dict(stripe_server.pay(order.external_id, later=True))
    assert deliver(*stripe_server.event("checkout.session.completed", waiting)).fate == NoticeFate.RECORDED
    order.refresh_from_db()
    assert (order.status, order.processing_at is not None, credits_of(user)) == ("pending", True, 0)
    paid = stripe_server.money_comes(order.external_id)
    assert deliver(*stripe_server.event("checkout.session.async_payment_succeeded", paid)).fate == NoticeFate.FULFILLED
    assert credits_of(user) == 1_100


def test_money_that_never_came_fails_the_order(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    unpaid = stripe_server.pay(order.external_id, later=True)
    deliver(*stripe_server.event("checkout.session.async_payment_failed", unpaid))
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("failed", 0)


@pytest.mark.parametrize(("early_s", "status"), [(3600, "cancelled"), (0, "expired")])
def test_a_closed_session_ends_the_order(stripe_server: StripeServer, user_factory: Any, buy: Buy, early_s: int, status: str) -> None:
    order = buy(user_factory())
    session = stripe_server.time_passes(order.external_id)
    deliver(*stripe_server.event("checkout.session.expired", session, created=session["expires_at"] - early_s))
    order.refresh_from_db()
    assert order.status == status


def test_a_lost_answer_is_repeated_and_makes_no_second_session(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user = user_factory()
    stripe_server.fail_next = [500, 500, 500]
    with pytest.raises(PaymentUnavailable):
        buy(user, idempotency_key="k")
    assert Order.objects.get(user=user).status == "pending"
    order = buy(user, idempotency_key="k")
    assert order.payment_url
    assert len(stripe_server.sessions) == Order.objects.filter(user=user).count() == 1


def test_a_refused_order_fails_and_frees_its_key(stripe_server: StripeServer, user_factory: Any, buy: Buy, settings: Any) -> None:
    user = user_factory()
    stripe_server.fail_next = [400]
    with pytest.raises(PaymentFailed):
        buy(user, idempotency_key="k")
    assert Order.objects.get(user=user).status == "failed"
    assert buy(user, idempotency_key="k").status == "pending"


def test_a_wrong_key_of_ours_is_no_fault_of_the_order(stripe_server: StripeServer, user_factory: Any, buy: Buy, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_wrong"
    user = user_factory()
    with pytest.raises(PaymentUnavailable):
        buy(user)
    assert Order.objects.get(user=user).status == "pending"


def test_query_and_close_tell_what_stripe_knows(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory())
    gateway, reference = checkout_gateway("stripe"), OrderRef(order.uuid, order.external_id)
    assert gateway.query(reference).outcome == Outcome.OPEN
    stripe_server.pay(order.external_id)
    assert gateway.query(reference).outcome == Outcome.PAID
    assert gateway.close(reference).outcome == Outcome.PAID
    other = buy(user_factory())
    assert gateway.close(OrderRef(other.uuid, other.external_id)).outcome == Outcome.EXPIRED
    assert gateway.query(OrderRef(other.uuid, "")).outcome == Outcome.NONE


def test_an_order_over_its_time_is_closed_at_stripe_first(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    order = buy(user_factory())
    assert order_expire_due(at=kernel_clock.now()) == 0
    clock.advance(hours=25)
    assert order_expire_due(at=kernel_clock.now()) == 1
    order.refresh_from_db()
    assert (order.status, stripe_server.sessions[order.external_id]["status"]) == ("expired", "expired")


def test_an_order_that_was_paid_unheard_is_settled_when_its_time_is_over(
    stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any
) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    stripe_server.pay(order.external_id)
    clock.advance(hours=25)
    order_expire_due(at=kernel_clock.now())
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)


def test_an_order_whose_gateway_is_silent_is_asked_again(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    order = buy(user_factory())
    clock.advance(hours=25)
    stripe_server.fail_next = [500, 500, 500]
    assert order_expire_due(at=kernel_clock.now()) == 0
    order.refresh_from_db()
    assert (order.status, order.ask_after is not None) == ("pending", True)
    assert order_expire_due(at=kernel_clock.now()) == 0
    clock.advance(minutes=11)
    assert order_expire_due(at=kernel_clock.now()) == 1


def test_an_order_with_money_on_its_way_does_not_expire(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    order = buy(user_factory())
    stripe_server.pay(order.external_id, later=True)
    clock.advance(hours=25)
    assert order_expire_due(at=kernel_clock.now()) == 0
    order.refresh_from_db()
    assert order.status == "pending"


def test_cancelling_closes_the_session(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory())
    assert order_cancel(order=order, reason="asked by the buyer", at=kernel_clock.now()) == "cancelled"
    assert (order.failure, stripe_server.sessions[order.external_id]["status"]) == ("asked by the buyer", "expired")


def test_late_money_of_an_expired_order_is_honoured(stripe_server: StripeServer, user_factory: Any, buy: Buy, clock: Any) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    clock.advance(hours=25)
    order_expire_due(at=kernel_clock.now())
    paid = stripe_server.change(order.external_id, status="complete", payment_status="paid", payment_intent="pi_late")
    assert deliver(*stripe_server.event("checkout.session.completed", paid)).fate == NoticeFate.FULFILLED
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)


def test_other_events_of_the_account_are_stored_and_left_alone(stripe_server: StripeServer) -> None:
    before = moved()
    assert deliver(*stripe_server.event("customer.created", {"id": "cus_1", "object": "customer"})).fate == NoticeFate.IGNORED
    assert (moved(), fates(source="stripe")) == (before, ["ignored"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"id": "evt_1"}',
        b'{"id":"evt_1","type":"checkout.session.completed","data":{"object":7}}',
    ],
)
def test_signed_nonsense_is_refused(stripe_server: StripeServer, body: bytes) -> None:
    try:
        header = stripe.WebhookSignature.generate_signature_header(body.decode(), stripe_server.webhook_secret)
    except UnicodeDecodeError:
        header = "t=1,v1=00"
    gateway = StripeGateway.configured()
    with pytest.raises(Unproven):
        gateway.verify(RawNotice(body, {"stripe-signature": header}))


@pytest.mark.parametrize("header", ["", "t=", "t=1", "v1=", "garbage", "t=a,v1=b", "t=1,v1=" + "0" * 64, "=,=,=", "t=1,v1=é"])
def test_a_signature_header_of_any_form_is_refused_not_crashed_on(stripe_server: StripeServer, header: str) -> None:
    body = json.dumps({"id": "evt_1", "object": "event"}).encode()
    with pytest.raises(Unproven):
        StripeGateway.configured().verify(RawNotice(body, {"stripe-signature": header}))


def test_the_server_next_door_is_as_strict_as_stripe(stripe_server: StripeServer) -> None:
    client = stripe.StripeClient(stripe_server.secret_key, base_addresses={"api": stripe_server.base})
    asked: Any = {
        "mode": "payment",
        "success_url": "https://shop.example/",
        "line_items": [{"price_data": {"currency": "cny", "unit_amount": 100, "product_data": {"name": "x"}}, "quantity": 1}],
    }
    with pytest.raises(stripe.InvalidRequestError, match="payment_method_types"):
        client.v1.checkout.sessions.create(params=asked | {"payment_method_types": ["card"]})
    first = client.v1.checkout.sessions.create(params=asked, options={"idempotency_key": "one"})
    assert client.v1.checkout.sessions.create(params=asked, options={"idempotency_key": "one"}).id == first.id
    with pytest.raises(stripe.IdempotencyError):
        client.v1.checkout.sessions.create(params=asked | {"success_url": "https://other.example/"}, options={"idempotency_key": "one"})
