"""Payments as documents 000 (§5) and 001 (§5) print them."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from config.kernel.clock import iso_z
from payments.models import Order
from tests.payments.conftest import credits_of, fates, moved
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db
CREATE = "/api/payments/stripe/create"
WECHAT = "/api/payments/wechat/create"
PACKAGES = {
    "packages": {
        "trial": {"name": "体验包", "credits": 500, "price": 50.0, "currency": "CNY", "unit_price": 0.10},
        "standard": {"name": "标准包", "credits": 1100, "price": 100.0, "currency": "CNY", "unit_price": 0.091},
        "value": {"name": "超值包", "credits": 6000, "price": 500.0, "currency": "CNY", "unit_price": 0.083},
        "premium": {"name": "豪华包", "credits": 13000, "price": 1000.0, "currency": "CNY", "unit_price": 0.076},
    },
    "credit_value_rmb": 0.1,
}


def test_packages_are_those_of_the_document_and_need_no_sign_in(api: Any) -> None:
    answer = api().get("/api/payments/packages")
    assert (answer.status, answer.body) == (200, PACKAGES)
    assert list(answer.body["packages"]) == list(PACKAGES["packages"])  # type: ignore[call-overload]
    assert b'"price":50.0' in answer.raw.content


def test_an_order_is_placed_paid_and_shown(demo: None, api: Any, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    client = api(user)
    made = client.post(CREATE, {"package": "standard", "return_url": "https://sparkvideo.cc/payment/success"})
    number = made.body["payment_id"]
    assert made.status == 200
    assert made.body == {
        "payment_id": number,
        "status": "pending",
        "amount": 100.0,
        "currency": "CNY",
        "credits_purchased": 1100,
        "payment_url": made.body["payment_url"],
    }
    assert re.fullmatch(rf"http://[^/]+/sandbox/pay/{number}", made.body["payment_url"])
    order = Order.objects.get(uuid=number)
    assert client.get(f"/api/payments/{number}").body == {**made.body, "created_at": iso_z(order.created_at), "paid_at": None}
    Client().post(f"/sandbox/pay/{number}", b'{"outcome": "paid"}', content_type="application/json")
    order.refresh_from_db()
    shown = client.get(f"/api/payments/{number}").body
    assert (shown["status"], shown["paid_at"], credits_of(user)) == ("succeeded", iso_z(order.paid_at), 1_100)


def test_wechat_answers_the_same_with_a_code(demo: None, api: Any, user_factory: Any) -> None:
    answer = api(user_factory()).post(WECHAT, {"amount": 50.0, "currency": "CNY", "credits": 500})
    assert answer.status == 200
    assert set(answer.body) == {"payment_id", "status", "amount", "currency", "credits_purchased", "payment_url", "code_url"}
    assert answer.body["code_url"].endswith(answer.body["payment_id"])


@pytest.mark.parametrize("path", [CREATE, WECHAT])
@pytest.mark.parametrize(
    "body",
    [
        {"package": "value"},
        {"amount": 500, "currency": "CNY", "credits": 6000},
        {"amount": 12.3, "currency": "CNY", "credits": 123},
        {"amount": 1, "credits": 10},
        {"package": "value", "amount": 500.0, "currency": "CNY", "credits": 6000},
    ],
)
def test_a_package_and_numbers_that_agree_are_taken(demo: None, api: Any, user_factory: Any, path: str, body: dict[str, Any]) -> None:
    assert api(user_factory()).post(path, body).status == 200


@pytest.mark.parametrize("path", [CREATE, WECHAT])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"amount": -50, "currency": "CNY", "credits": -500}),
        (400, {"amount": 0, "currency": "CNY", "credits": 0}),
        (400, {"amount": 1e300, "currency": "CNY", "credits": 500}),
        (400, {"amount": 50.001, "currency": "CNY", "credits": 500}),
        (400, {"amount": 50.05, "currency": "CNY", "credits": 500}),
        (400, {"amount": 0.1, "currency": "CNY", "credits": 1}),
        (400, {"amount": 50_000.1, "currency": "CNY", "credits": 500_001}),
        (400, {"amount": 50, "currency": "CNY", "credits": 501}),
        (400, {"amount": 50, "currency": "USD", "credits": 500}),
        (422, {"amount": 50, "currency": "", "credits": 500}),
        (400, {"package": "trial", "currency": "USD"}),
        (400, {"package": "trial", "amount": 100, "currency": "CNY", "credits": 1100}),
        (400, {"package": "trial", "amount": 1, "currency": "CNY", "credits": 500}),
        (422, {}),
        (422, {"package": "gold"}),
        (422, {"package": ""}),
        (422, {"package": None}),
        (422, {"package": 1}),
        (422, {"package": ["trial"]}),
        (422, {"package": "t" * 41}),
        (422, {"package": "trial\x00"}),
        (422, {"amount": "50", "currency": "CNY", "credits": 500}),
        (422, {"amount": True, "currency": "CNY", "credits": 500}),
        (422, {"amount": 50, "currency": "CNY", "credits": 500.5}),
        (422, {"amount": 50, "currency": "CNY", "credits": "500"}),
        (422, {"amount": 50, "currency": 1, "credits": 500}),
        (422, {"amount": 50, "currency": "CNY"}),
        (422, {"credits": 500}),
        (422, {"package": "trial", "return_url": "javascript:alert(1)"}),
        (422, {"package": "trial", "return_url": 7}),
        (422, {"package": "trial", "return_url": "https://e.example/" + "x" * 2000}),
    ],
)
def test_hostile_input_is_refused_and_moves_nothing(
    demo: None, api: Any, user_factory: Any, path: str, status: int, body: dict[str, Any]
) -> None:
    client = api(user_factory())
    before = moved()
    answer = client.post(path, body)
    assert (answer.status, moved()) == (status, before), answer.body
    assert set(answer.body) == {"detail"}


@pytest.mark.parametrize(
    "raw", [b'{"amount": NaN, "currency": "CNY", "credits": 500}', b'{"amount": Infinity, "credits": 5}', b"{", b"[]", b'"trial"', b"\xff"]
)
def test_what_is_no_json_is_refused(demo: None, api: Any, user_factory: Any, raw: bytes) -> None:
    client = api(user_factory())
    before = moved()
    assert (client.post(CREATE, raw=raw).status, moved()) == (422, before)


def test_a_refusal_frees_the_key(demo: None, api: Any, user_factory: Any) -> None:
    client = api(user_factory())
    assert client.post(CREATE, {"package": "gold"}, headers={"Idempotency-Key": "k"}).status == 422
    assert client.post(CREATE, {"package": "trial"}, headers={"Idempotency-Key": "k"}).status == 200


def test_only_the_owner_sees_an_order(demo: None, api: Any, user_factory: Any) -> None:
    owner, stranger = user_factory(), user_factory()
    number = api(owner).post(CREATE, {"package": "trial"}).body["payment_id"]
    for path in (number, str(uuid4()), "1", "x", "packages2", number.upper() + "0"):
        answer = api(stranger).get(f"/api/payments/{path}")
        assert (answer.status, answer.body) == (404, {"detail": "Payment not found"})
    assert api().get(f"/api/payments/{number}").status == 401
    assert api().post(CREATE, {"package": "trial"}).status == 401
    assert api(owner).get(f"/api/payments/{number}").status == 200


@pytest.mark.parametrize(
    ("state", "shown"),
    [("pending", "pending"), ("failed", "failed"), ("cancelled", "failed"), ("expired", "failed")],
)
def test_states_are_shown_in_the_documents_words(demo: None, api: Any, user_factory: Any, state: str, shown: str) -> None:
    client = api(user_factory())
    number = client.post(CREATE, {"package": "trial"}).body["payment_id"]
    Order.objects.filter(uuid=number).update(status=state)
    assert client.get(f"/api/payments/{number}").body["status"] == shown


def test_a_channel_that_is_not_configured_answers_503(production: None, api: Any, user_factory: Any) -> None:
    client = api(user_factory())
    before = moved()
    for path in (CREATE, WECHAT):
        answer = client.post(path, {"package": "trial"})
        assert (answer.status, set(answer.body), "Retry-After" in answer.headers) == (503, {"detail"}, True)
    assert moved() == before


def test_a_payment_service_that_is_down_answers_503(stripe_server: StripeServer, api: Any, user_factory: Any) -> None:
    stripe_server.fail_next = [500, 500, 500]
    assert api(user_factory()).post(CREATE, {"package": "trial"}).status == 503


def test_the_webhook_takes_genuine_notices_and_refuses_others(stripe_server: StripeServer, api: Any, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    number = api(user).post(CREATE, {"package": "trial"}).body["payment_id"]
    order = Order.objects.get(uuid=number)
    session = stripe_server.pay(order.external_id)
    before = moved()
    forged, headers = stripe_server.event("checkout.session.completed", session, secret="whsec_guess")
    for header in ({"stripe-signature": headers["stripe-signature"]}, {}):
        answer = api().post("/api/payments/webhook/stripe", raw=forged, headers=header)
        assert (answer.status, set(answer.body), moved()) == (400, {"detail"}, before)
    body, headers = stripe_server.event("checkout.session.completed", session)
    answer = api().post("/api/payments/webhook/stripe", raw=body, headers={"stripe-signature": headers["stripe-signature"]})
    assert (answer.status, answer.body, credits_of(user)) == (200, {"received": True}, 500)


def test_channels_that_are_off_refuse_every_notice_in_their_own_words(production: None, api: Any) -> None:
    before = moved()
    stripe = api().post("/api/payments/webhook/stripe", {"id": "evt_1"})
    wechat = api().post("/api/payments/webhook/wechat", {"id": "1"})
    alipay = api().post("/api/payments/webhook/alipay", {"trade_status": "TRADE_SUCCESS"})
    sandbox = api().post("/api/payments/webhook/sandbox", {"id": "1"})
    assert [answer.status for answer in (stripe, wechat, alipay, sandbox)] == [403, 403, 403, 404]
    assert (wechat.body["code"], alipay.raw.content) == ("FAIL", b"failure")
    assert (moved(), set(fates())) == (before, {"unproven"})


def test_in_demo_mode_wechat_and_alipay_believe_no_unsigned_notice(demo: None, api: Any, user_factory: Any) -> None:
    user = user_factory()
    number = api(user).post(WECHAT, {"package": "trial"}).body["payment_id"]
    before = moved()
    for source in ("wechat", "alipay"):
        answer = api().post(f"/api/payments/webhook/{source}", {"id": "1", "out_trade_no": number, "trade_status": "TRADE_SUCCESS"})
        assert (answer.status, moved()) == (400, before)


def test_a_huge_notice_is_refused_before_it_is_read(demo: None, api: Any) -> None:
    assert api().post("/api/payments/webhook/stripe", raw=b"x" * 300_000).status == 413
    assert fates() == []


def test_a_payment_is_read_with_one_statement_besides_the_callers_proof(
    demo: None, api: Any, user_factory: Any, django_assert_max_num_queries: Any
) -> None:
    client = api(user_factory())
    number = client.post(CREATE, {"package": "trial"}).body["payment_id"]
    with django_assert_max_num_queries(2):
        assert client.get(f"/api/payments/{number}").status == 200
