"""The sandbox of demo mode: every channel can be paid, failed and cancelled from outside, and only there."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from django.db import connection
from django.test import Client

from config.kernel import clock as kernel_clock
from config.kernel.errors import NotConfigured
from payments.exceptions import NoticeRefused, PaymentNotFound
from payments.gateways.base import CheckoutRequest, Outcome, RawNotice, Rejected, Standing, Unproven
from payments.gateways.registry import notice_gateway
from payments.gateways.sandbox import SandboxGateway, notices, telling
from payments.gateways.sandbox.keys import rsa_key, text
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
    assert Notice.objects.get(order=order).source == channel


@pytest.mark.parametrize("channel", ["stripe", "wechat", "alipay"])
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


@pytest.mark.parametrize("channel", ["wechat", "alipay"])
def test_the_channels_own_adapter_proves_the_notice_and_nobody_elses(demo: None, user_factory: Any, buy: Buy, channel: str) -> None:
    order = buy(user_factory(bonus=0), channel=channel)
    payment = SandboxPayment.objects.get()
    payment.state = SandboxPayment.State.PAID
    [(source, raw)] = telling.of_payment(payment)
    assert source == channel
    gateway = notice_gateway(channel)
    told = gateway.verify(raw)
    assert isinstance(told.subject, Standing)
    assert (told.subject.outcome, told.subject.order_uuid, told.subject.amount_cents) == (Outcome.PAID, order.uuid, 10_000)
    assert gateway.verify(telling.of_payment(payment)[0][1]).external_id == told.external_id
    middle = len(raw.body) // 2
    spoiled = raw.body[:middle] + bytes([raw.body[middle] ^ 1]) + raw.body[middle + 1 :]
    with pytest.raises(Unproven):
        gateway.verify(RawNotice(spoiled, raw.headers))


WAYS = [
    ("stripe", "checkout"),
    ("wechat", "native"),
    ("wechat", "jsapi"),
    ("wechat", "h5"),
    ("wechat", "app"),
    ("alipay", "page"),
    ("alipay", "wap"),
    ("alipay", "app"),
    ("sandbox", "checkout"),
]


@pytest.mark.parametrize(("channel", "method"), WAYS)
def test_every_method_gives_the_payer_a_page_and_what_its_channel_gives(
    demo: None, user_factory: Any, buy: Buy, channel: str, method: str
) -> None:
    more = {"jsapi": {"payer_id": "openid_of_payer"}, "h5": {"payer_address": "203.0.113.7"}}.get(method, {})
    user = user_factory(bonus=0)
    order = buy(user, channel=channel, method=method, **more)
    assert order.payment_url.endswith(path_of(order))
    assert bool(order.code_url) == (method == "native")
    assert bool(order.pay_params) == (method in ("app", "jsapi"))
    decide(order, "paid")
    assert credits_of(user) == 1_100


def test_an_apps_parameters_are_signed_by_the_merchant(demo: None, user_factory: Any, buy: Buy) -> None:
    merchant = rsa_key("wechat-merchant").public_key()
    said = buy(user_factory(), channel="wechat", method="app").pay_params
    text = f"{said['app_id']}\n{said['timestamp']}\n{said['noncestr']}\n{said['prepay_id']}\n"
    merchant.verify(base64.b64decode(said["sign"]), text.encode(), PKCS1v15(), SHA256())
    with pytest.raises(InvalidSignature):
        merchant.verify(base64.b64decode(said["sign"]), text.replace("wx", "xw").encode(), PKCS1v15(), SHA256())


def test_wechat_and_alipay_take_cny_only(demo: None, user_factory: Any) -> None:
    for channel, method in (("wechat", "native"), ("alipay", "page")):
        at = kernel_clock.now()
        request = CheckoutRequest(uuid4(), channel, method, "x", 100, "USD", "https://shop.example/", at, at)
        with pytest.raises(Rejected):
            SandboxGateway.configured().create(request)
    assert not SandboxPayment.objects.exists()


def test_a_payment_is_found_by_what_any_contract_calls_it(demo: None, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user, channel="wechat")
    for name in (str(order.uuid), str(order.pk), order.number):
        assert Client().get(f"/sandbox/pay/{name}").status_code == 200
    answer = Client().post(f"/sandbox/pay/{order.number}", b'{"outcome": "paid"}', content_type="application/json")
    assert (answer.json(), credits_of(user)) == ({"payment_id": str(order.uuid), "status": "paid"}, 1_100)


@pytest.mark.parametrize("name", ["0", "-1", "9" * 18, "9" * 40, "R202601010000001", "M1", "²", "%00", "1.5", "None", "R2026", "x" * 300])
def test_a_name_of_no_payment_is_not_found(demo: None, user_factory: Any, buy: Buy, name: str) -> None:
    buy(user_factory())
    for path in (f"/sandbox/pay/{name}", f"/sandbox/pay/{name}/code.svg"):
        assert Client().get(path).status_code == 404
    for path, outcome in ((f"/sandbox/pay/{name}", "paid"), (f"/sandbox/dispute/{name}", "opened"), (f"/sandbox/refund/{name}", "failed")):
        assert Client().post(path, {"outcome": outcome}).status_code == 404


def test_the_code_is_a_picture_of_the_pages_address(demo: None, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory(), channel="wechat")
    page = Client().get(path_of(order)).content.decode()
    assert f'src="{path_of(order)}/code.svg"' in page
    picture = Client().get(f"{path_of(order)}/code.svg")
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/svg+xml")
    assert b"<svg" in picture.content
    assert b"style=" not in picture.content
    other = buy(user_factory(), channel="wechat")
    assert Client().get(f"{path_of(other)}/code.svg").content != picture.content


def test_keys_are_made_once_and_in_demo_mode_only(demo: None, settings: Any) -> None:
    assert rsa_key("alipay-merchant").private_numbers() == rsa_key("alipay-merchant").private_numbers()
    assert rsa_key("alipay-merchant").private_numbers() != rsa_key("alipay-platform").private_numbers()
    assert text("wechat-apiv3", 32) == text("wechat-apiv3", 32)
    assert len(text("wechat-apiv3", 32)) == 32
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM payments_sandboxkey")
        assert not any("PRIVATE KEY" in row[0] for row in cursor.fetchall())
    settings.DEMO = False
    for ask in (lambda: rsa_key("alipay-merchant"), lambda: text("wechat-apiv3", 32)):
        with pytest.raises(NotConfigured):
            ask()


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
