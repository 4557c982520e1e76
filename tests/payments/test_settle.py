"""What a paid order brings and costs: its bonus, its statements, its one charge; and how it may be paid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.exceptions import IdempotencyConflict
from config.kernel import clock as kernel_clock
from config.kernel.errors import InvalidInput, NotConfigured
from config.kernel.sql import fetch_one
from credits.models import Campaign, Posting, Wallet
from payments.exceptions import PaymentNotFound, PaymentUnavailable
from payments.gateways.base import Checkout, Outcome, Standing, Unknown
from payments.gateways.registry import checkout_gateway
from payments.models import Alarm, Order, Product, Refund
from payments.selectors.notice import notices_of
from payments.selectors.order import order_by_number
from payments.services.catalogue import terms_of_amount
from payments.services.fulfil import SETTLE, fulfil, settle_arguments
from payments.services.order import order_create, order_place
from payments.services.sandbox import sandbox_pay
from payments.states import NoticeFate
from tests.payments.conftest import Buy, credits_of, deliver, moved
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db


def bought(user: Any) -> Order:
    """10.00 CNY at the base rate with 7 credits of the coupons' campaign on top, paid in the sandbox."""
    terms = replace(terms_of_amount(contract="video", amount_cents=1_000), bonus_credits=7, bonus_source="campaign:coupons")
    order = order_create(user_id=user.pk, terms=terms, channel="wechat")
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=kernel_clock.now())
    order.refresh_from_db()
    return order


def test_a_bonus_comes_out_of_its_campaign(demo: None, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    before = Campaign.objects.get(slug="coupons").remaining_credits
    order = bought(user)
    wallet = Wallet.objects.get(pk=user.pk)
    assert (wallet.paid, wallet.bonus, order.credits) == (100, 7, 107)
    assert Campaign.objects.get(slug="coupons").remaining_credits == before - 7


def test_an_order_tells_what_it_really_brought(demo: None, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    Campaign.objects.filter(slug="coupons").update(is_active=False)
    order = bought(user)
    wallet = Wallet.objects.get(pk=user.pk)
    assert (wallet.paid, wallet.bonus, order.status, order.credits) == (100, 0, "succeeded", 100)


def test_the_books_take_an_order_once_even_without_the_orders_own_lock(demo: None, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    order = bought(user)
    again = fetch_one(SETTLE, settle_arguments(order, kernel_clock.now()))
    assert (again.transaction_id, again.replayed) == (order.transaction_id, True)
    order.paid_credits += 1
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        fetch_one(SETTLE, settle_arguments(order, kernel_clock.now()))
    assert Wallet.objects.get(pk=user.pk).paid == 100


PAID = "checkout.session.completed"
FULFILLING = (
    "INTO payments_notice",
    "payments_order",
    "FOR UPDATE",
    "credits_order_settle",
    'UPDATE "payments_order"',
    "accounts_event_append",
    "pays_pending_until",
    'UPDATE "payments_notice"',
)
"""What a fulfilling notice says to the database, one by one, besides BEGIN, COMMIT and savepoints."""


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement of the block, also of our own functions, without transactions' own words."""
    said: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "SAVEPOINT" not in sql:
            said.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield said


def test_a_notice_that_fulfils_costs_few_statements(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory(bonus=0))
    notice = stripe_server.event(PAID, stripe_server.pay(order.external_id))
    with statements() as said:
        assert deliver(*notice).fate == NoticeFate.FULFILLED
    assert len(said) == len(FULFILLING), said
    assert all(name in sql for name, sql in zip(FULFILLING, said, strict=True)), said
    with statements() as again:
        assert deliver(*notice).fate == NoticeFate.FULFILLED
    assert len(again) == 1


def test_a_second_charge_of_a_paid_order_goes_back_and_credits_nothing(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    session = stripe_server.pay(order.external_id)
    deliver(*stripe_server.event(PAID, session))
    for _ in range(2):
        receipt = deliver(*stripe_server.event(PAID, session | {"payment_intent": "pi_second"}))
        assert receipt.fate == NoticeFate.RECORDED
    refund = Refund.objects.get()
    assert (refund.origin, refund.charge_id, refund.amount_cents, refund.status) == ("duplicate", "pi_second", 10_000, "sending")
    assert (credits_of(user), Alarm.objects.get(kind="paid_twice").subject) == (1_100, f"order:{order.uuid}")
    order.refresh_from_db()
    assert (order.status, order.charge_id, order.refunded_cents) == ("succeeded", session["payment_intent"], 0)


@pytest.mark.parametrize("status", ["expired", "cancelled", "failed"])
def test_late_money_is_honoured_whatever_ended_the_order(stripe_server: StripeServer, user_factory: Any, buy: Buy, status: str) -> None:
    user = user_factory(bonus=0)
    order = buy(user)
    Order.objects.filter(pk=order.pk).update(status=status)
    assert deliver(*stripe_server.event(PAID, stripe_server.pay(order.external_id))).fate == NoticeFate.FULFILLED
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("succeeded", 1_100)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"order_uuid": None}, "another order"),
        ({"external_id": "cs_other"}, "another checkout"),
        ({"amount_cents": 9_999}, "another amount"),
        ({"currency": "USD"}, "another currency"),
    ],
)
def test_an_answer_to_our_question_is_judged_like_a_notice(
    demo: None, user_factory: Any, buy: Buy, change: dict[str, Any], reason: str
) -> None:
    order = buy(user_factory())
    evidence = Standing(Outcome.PAID, order.uuid, order.external_id, "pi_1", order.amount_cents, order.currency)
    before = moved()
    verdict = fulfil(order_id=order.pk, evidence=replace(evidence, **change), at=kernel_clock.now())
    assert (verdict.fate, verdict.reason, moved()) == (NoticeFate.REFUSED, reason, before)
    assert Alarm.objects.count() == 1


def test_the_user_reads_what_the_gateway_said_and_why_it_was_refused(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> None:
    order = buy(user_factory())
    session = stripe_server.pay(order.external_id)
    deliver(*stripe_server.event(PAID, session | {"amount_total": 1}))
    deliver(*stripe_server.event(PAID, session))
    told = [(each.kind, each.fate, each.reason) for each in notices_of(order)]
    assert told == [(PAID, NoticeFate.REFUSED, "it names another amount"), (PAID, NoticeFate.FULFILLED, "")]


@pytest.mark.parametrize(
    ("channel", "method", "kept"),
    [
        ("stripe", "", "checkout"),
        ("stripe", "checkout", "checkout"),
        ("wechat", "", "native"),
        ("wechat", "app", "app"),
        ("wechat", "jsapi", "jsapi"),
        ("wechat", "h5", "h5"),
        ("alipay", "", "page"),
        ("alipay", "wap", "wap"),
        ("alipay", "app", "app"),
        ("sandbox", "", "checkout"),
    ],
)
def test_an_order_is_paid_by_a_method_of_its_channel(demo: None, user_factory: Any, buy: Buy, channel: str, method: str, kept: str) -> None:
    order = buy(user_factory(), channel=channel, method=method, payer_id="o6_bmjrPTlm6_2sgVt7hMZOPfL2M", payer_address="2001:db8::1")
    assert (order.method, order.has_checkout) == (kept, True)
    assert order.payer_id == ("o6_bmjrPTlm6_2sgVt7hMZOPfL2M" if kept == "jsapi" else "")
    assert order.payer_address == ("2001:db8::1" if kept == "h5" else None)
    hours = 2 if channel in ("wechat", "alipay") else 24
    assert order.expires_at - order.created_at <= dt.timedelta(hours=hours)


@pytest.mark.parametrize(
    "asked",
    [
        {"method": "native"},
        {"method": "balance"},
        {"channel": "wechat", "method": "page"},
        {"channel": "alipay", "method": "jsapi", "payer_id": "o6_bmjrPTlm6"},
        {"channel": "wechat", "method": "jsapi"},
        {"channel": "wechat", "method": "jsapi", "payer_id": "short"},
        {"channel": "wechat", "method": "jsapi", "payer_id": "o6_bmj rPTlm6"},
        {"channel": "wechat", "method": "jsapi", "payer_id": "o6_bmjrPTlm6\x00"},
        {"channel": "wechat", "method": "jsapi", "payer_id": "o" * 129},
        {"channel": "wechat", "method": "h5"},
        {"channel": "wechat", "method": "h5", "payer_address": "localhost"},
        {"channel": "wechat", "method": "h5", "payer_address": "1.2.3.4.5"},
    ],
)
def test_a_method_that_cannot_be_is_refused(demo: None, user_factory: Any, buy: Buy, asked: dict[str, str]) -> None:
    user = user_factory()
    before = moved()
    with pytest.raises(InvalidInput):
        buy(user, **asked)
    assert moved() == before


@pytest.mark.parametrize("channel", ["balance", "paypal", ""])
def test_no_client_reaches_a_channel_without_gateway(demo: None, user_factory: Any, buy: Buy, channel: str) -> None:
    user = user_factory()
    before = moved()
    with pytest.raises(NotConfigured):
        buy(user, channel=channel)
    assert moved() == before


def test_the_same_key_with_another_method_is_another_order(demo: None, user_factory: Any, buy: Buy) -> None:
    user = user_factory()
    first = buy(user, channel="wechat", method="h5", payer_address="192.0.2.1", idempotency_key="k")
    assert buy(user, channel="wechat", method="h5", payer_address="192.0.2.2", idempotency_key="k").pk == first.pk
    with pytest.raises(IdempotencyConflict):
        buy(user, channel="wechat", method="app", idempotency_key="k")


def test_what_an_app_needs_is_kept_with_the_order(demo: None, user_factory: Any, buy: Buy, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway: Any = checkout_gateway("wechat")
    answer = Checkout("", pay_params={"prepayid": "wx1", "sign": "s"})
    monkeypatch.setattr(type(gateway), "create", lambda *_: answer)
    order = buy(user_factory(), channel="wechat", method="app", idempotency_key="k")
    assert (order.pay_params, order.has_checkout) == ({"prepayid": "wx1", "sign": "s"}, True)


def test_an_answer_that_was_lost_leaves_the_order_open_for_a_repeat(
    demo: None, user_factory: Any, buy: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = user_factory()
    gateway: Any = checkout_gateway("alipay")

    def lost(*_: Any) -> Checkout:
        raise Unknown("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(type(gateway), "create", lost)
        with pytest.raises(PaymentUnavailable):
            buy(user, channel="alipay", idempotency_key="k")
    placed = Order.objects.get()
    assert (placed.status, placed.has_checkout) == ("pending", False)
    assert (buy(user, channel="alipay", idempotency_key="k").pk, Order.objects.count()) == (placed.pk, 1)


def test_an_order_from_the_balance_is_placed_without_a_gateway(production: None, user_factory: Any) -> None:
    user = user_factory()
    terms = replace(terms_of_amount(contract="studio", amount_cents=990), kind=Product.Kind.MEMBERSHIP, paid_credits=0)
    order = order_place(user_id=user.pk, terms=terms, channel="balance", idempotency_key="k", at=kernel_clock.now())
    assert (order.method, order.kind, order.is_sandbox, order.ask_after) == ("balance", "membership", False, None)
    assert not Posting.objects.filter(account__startswith="cash:").exists()


def test_an_order_is_found_by_the_number_that_people_read_and_only_by_its_owner(demo: None, user_factory: Any, buy: Buy) -> None:
    owner, stranger = user_factory(), user_factory()
    order = buy(owner)
    assert order_by_number(order.number, owner.pk).pk == order.pk
    wrong = [
        "",
        "R",
        order.number[1:],
        f"M{order.number[1:]}",
        f"{order.number}0",
        order.number.lower(),
        f"R20200101{order.number[9:]}",
        "R202601010" + "9" * 30,
    ]
    for number, user in [(order.number, stranger), *((each, owner) for each in wrong)]:
        with pytest.raises(PaymentNotFound):
            order_by_number(number, user.pk)
