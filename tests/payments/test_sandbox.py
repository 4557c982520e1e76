"""The sandbox of demo mode: every channel can be paid, failed and cancelled from outside, and only there."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from config.kernel import clock as kernel_clock
from payments.exceptions import NoticeRefused, PaymentNotFound
from payments.gateways.base import Outcome, Standing
from payments.gateways.sandbox import notices
from payments.models import Notice, Order, SandboxPayment
from payments.services.expiry import order_expire_due
from payments.services.sandbox import sandbox_pay, sandbox_purchase
from tests.payments.conftest import Buy, credits_of, deliver, fates, moved

pytestmark = pytest.mark.django_db


def path_of(order: Order) -> str:
    return f"/sandbox/pay/{order.uuid}"


def decide(order: Order, outcome: Any) -> Any:
    return Client().post(path_of(order), json.dumps({"outcome": outcome}), content_type="application/json")


@pytest.mark.parametrize("channel", ["stripe", "wechat", "alipay", "sandbox"])
def test_every_channel_is_paid_through_its_own_notice(demo: None, user_factory: Any, buy: Buy, channel: str) -> None:
    user = user_factory(bonus=0)
    order = buy(user, channel=channel)
    assert order.payment_url.endswith(path_of(order))
    answer = decide(order, "paid")
    assert (answer.status_code, answer.json()) == (200, {"payment_id": str(order.uuid), "status": "paid"})
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)
    assert Notice.objects.get(order=order).source == ("stripe" if channel == "stripe" else "sandbox")


@pytest.mark.parametrize("channel", ["stripe", "wechat"])
@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_an_end_without_money_moves_no_money(demo: None, user_factory: Any, buy: Buy, channel: str, outcome: str) -> None:
    user = user_factory(bonus=0)
    order = buy(user, channel=channel)
    assert decide(order, outcome).status_code == 200
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == (outcome, 0)


@pytest.mark.parametrize("channel", ["stripe", "wechat"])
@pytest.mark.parametrize("before", ["failed", "cancelled"])
def test_money_may_come_after_another_end(demo: None, user_factory: Any, buy: Buy, channel: str, before: str) -> None:
    user = user_factory(bonus=0)
    order = buy(user, channel=channel)
    decide(order, before)
    assert decide(order, "paid").status_code == 200
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)


def test_paying_again_tells_again_and_credits_once(demo: None, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    for _ in range(3):
        assert decide(order, "paid").status_code == 200
    assert (credits_of(user), Notice.objects.get().deliveries) == (1_100, 3)


def test_a_paid_payment_cannot_fail_any_more(demo: None, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory())
    decide(order, "paid")
    before = moved()
    assert decide(order, "failed").status_code == 409
    assert moved() == before


@pytest.mark.parametrize("outcome", ["", "PAID", "closed", "open", None, 1, ["paid"], {"paid": 1}])
def test_an_unknown_outcome_is_refused(demo: None, user_factory: Any, buy: Buy, outcome: Any) -> None:
    order = buy(user_factory())
    before = moved()
    assert decide(order, outcome).status_code == 422
    assert moved() == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"paid"', b"[" * 5000], ids=range(6))
def test_a_broken_body_is_refused(demo: None, user_factory: Any, buy: Buy, body: bytes) -> None:
    order = buy(user_factory())
    assert Client().post(path_of(order), body, content_type="application/json").status_code == 422


def test_a_late_payment_of_an_expired_order_is_honoured(demo: None, user_factory: Any, buy: Buy, clock: Any) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    clock.advance(hours=25)
    assert order_expire_due(at=kernel_clock.now()) == 1
    order.refresh_from_db()
    assert (order.status, SandboxPayment.objects.get().state) == ("expired", "closed")
    decide(order, "paid")
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)


def test_the_page_shows_amount_and_buttons(demo: None, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory(), return_url="https://shop.example/back?a=1&b=2")
    page = Client().get(path_of(order), headers={"Accept-Language": "en"})
    text = page.content.decode()
    assert page.status_code == 200
    assert "100.00 CNY" in text
    assert all(f'value="{outcome}"' in text for outcome in ("paid", "failed", "cancelled"))
    assert "https://shop.example/back?a=1&amp;b=2" in text


def test_the_pages_form_decides_and_comes_back(demo: None, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    answer = Client(enforce_csrf_checks=True).post(path_of(order), {"outcome": "paid"})
    assert (answer.status_code, answer["Location"]) == (303, path_of(order))
    assert credits_of(user) == 1_100


def test_an_unknown_payment_is_not_found(demo: None) -> None:
    assert Client().get(f"/sandbox/pay/{uuid4()}").status_code == 404
    assert Client().post(f"/sandbox/pay/{uuid4()}", {"outcome": "paid"}).status_code == 404


def test_outside_demo_mode_there_is_no_sandbox(demo: None, user_factory: Any, buy: Buy, settings: Any) -> None:
    order = buy(user_factory())
    settings.DEMO = False
    before = moved()
    with pytest.raises(PaymentNotFound):
        sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now())
    assert decide(order, "paid").status_code == 404
    assert Client().post("/api/payments/webhook/sandbox", b"{}", content_type="application/json").status_code == 404
    assert moved() == before


def test_the_sandbox_signs_and_its_signature_is_judged(demo: None, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user, channel="wechat")
    standing = Standing(Outcome.PAID, order.uuid, order.external_id, "pi", order.amount_cents, order.currency)
    raw = notices.own(standing)
    before = moved()
    stale = notices.signature(raw.body, int(time.time()) - 400)
    for header in ("", "t=1", "t=1,v1=0", stale, raw.headers[notices.HEADER][:-1] + "x", "t=9999999999999999,v1=0", "t=²,v1=0"):
        with pytest.raises(NoticeRefused):
            deliver(raw.body, {notices.HEADER: header}, "sandbox")
    with pytest.raises(NoticeRefused):
        deliver(raw.body.replace(b"10000", b"10001"), dict(raw.headers), "sandbox")
    assert (moved(), set(fates())) == (before, {"unproven"})
    assert deliver(raw.body, dict(raw.headers), "sandbox").fate == "fulfilled"
    assert credits_of(user) == 1_100


def test_a_purchase_for_a_demo_user_happens_once_for_its_key(demo: None, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    for _ in range(2):
        order = sandbox_purchase(user_id=user.pk, amount_cents=100_000, idempotency_key="demo", at=kernel_clock.now())
        assert (order.status, order.paid_credits) == ("succeeded", 10_000)
    assert credits_of(user) == 10_000
