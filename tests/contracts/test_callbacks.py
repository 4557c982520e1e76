"""The documents' two callbacks: every gateway's genuine notice is taken in its own words, everything else is refused and credits nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from config.kernel import clock as kernel_clock
from payments.gateways.base import Outcome, RawNotice, Standing
from payments.gateways.sandbox import as_alipay, as_stripe, as_wechat, notices
from payments.gateways.sandbox.books import external_id
from payments.models import Alarm, Order, SandboxPayment
from payments.services.catalogue import terms_of_amount
from payments.services.order import order_create
from payments.states import OrderState
from tests.conftest import UserFactory
from tests.contracts.people import moved

pytestmark = pytest.mark.django_db
PATHS = {"studio": "/api/v1/credit/payment/callback", "skyriff": "/v1/payments/callback"}
UNSIGNED = b'{"order_id": "R202601221000001", "payment_method": "alipay", "transaction_id": "2026012212345678", "status": "success"}'
ANSWERS = {
    "stripe": b'{"received":true}',
    "wechat": b'{"code":"SUCCESS","message":"OK"}',
    "alipay": b"success",
    "sandbox": b'{"received":true}',
}
Make = Callable[..., Order]


@pytest.fixture
def order(user_factory: UserFactory, settings: Any) -> Make:
    """An order of 10.00 CNY that waits for its money."""
    settings.DEMO = True

    def make(channel: str) -> Order:
        terms = terms_of_amount(contract="studio", amount_cents=1_000)
        return order_create(user_id=user_factory(bonus=0).pk, terms=terms, channel=channel, at=kernel_clock.now())

    return make


def notice_of(order: Order) -> RawNotice:
    """What the order's gateway sends when the payer has paid."""
    payment = SandboxPayment.objects.get(id=order.uuid)
    standing = Standing(
        Outcome.PAID, order_uuid=order.uuid, external_id=external_id(payment), charge_id=f"pi_{order.uuid.hex}", amount_cents=1_000, currency="CNY"
    )  # fmt: skip
    match order.channel:
        case "stripe":
            times = {"created_s": int(payment.created_at.timestamp()), "expires_s": int(payment.expires_at.timestamp())}
            return as_stripe.payment(standing, **times)[0]
        case "wechat":
            return as_wechat.payment(standing)
        case "alipay":
            return as_alipay.payment(standing)
        case _:
            return notices.own(standing)


def send(path: str, body: bytes, headers: dict[str, str]) -> Any:
    kind = headers.get("content-type", "application/json")
    return Client().generic("POST", path, body, content_type=kind, headers=headers)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("channel", ANSWERS)
def test_a_genuine_notice_credits_once_and_is_answered_in_the_gateways_words(order: Make, path: str, channel: str) -> None:
    made = order(channel)
    notice = notice_of(made)
    for _ in range(3):
        answer = send(path, notice.body, dict(notice.headers))
        assert (answer.status_code, answer.content) == (200, ANSWERS[channel])
    made.refresh_from_db()
    assert made.status == OrderState.SUCCEEDED
    assert made.user.wallet.paid == 100


@pytest.mark.parametrize("contract", PATHS)
@pytest.mark.parametrize("body", [UNSIGNED, b"", b"{}", b"[]", b"{", b"\xff\x00", b"status=success&order_id=1", b"sign=x"])
def test_the_documents_unsigned_body_credits_nothing_and_alarms(order: Make, contract: str, body: bytes) -> None:
    order("alipay")
    before = moved()
    answer = send(PATHS[contract], body, {})
    assert (answer.status_code, answer.json()["code"]) == (403, 2002 if contract == "skyriff" else 403)
    assert moved() == before
    assert Alarm.objects.filter(kind="callback_unsigned", subject=f"callback:{contract}").count() == 1


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("channel", ANSWERS)
def test_a_forged_notice_is_403_and_moves_nothing(order: Make, path: str, channel: str) -> None:
    notice = notice_of(order(channel))
    before = moved()
    answer = send(path, notice.body.replace(b"1000", b"9999").replace(b"10.00", b"99.99") + b" ", dict(notice.headers))
    assert answer.status_code == 403
    assert moved() == before


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("channel", ["stripe", "wechat", "alipay", "sandbox"])
def test_outside_demo_mode_an_unconfigured_channel_is_403(order: Make, settings: Any, path: str, channel: str) -> None:
    notice = notice_of(order(channel))
    settings.DEMO = False
    before = moved()
    assert send(path, notice.body, dict(notice.headers)).status_code == 403
    assert moved() == before


@pytest.mark.parametrize(("contract", "code"), [("studio", 413), ("skyriff", 2400)])
@pytest.mark.parametrize("size", [256 * 1024 + 1, 3 * 1024 * 1024])
def test_a_body_that_no_gateway_sends_is_413(contract: str, code: int, size: int) -> None:
    answer = send(PATHS[contract], b"x" * size, {})
    assert (answer.status_code, answer.json()["code"]) == (413, code)


def test_unsigned_callbacks_are_limited_by_address() -> None:
    statuses = [send(PATHS["skyriff"], UNSIGNED, {}).status_code for _ in range(61)]
    assert statuses == [403] * 60 + [429]
