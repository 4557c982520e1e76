"""The inbox and the one fulfil: what is believed, what is refused, and that nothing moves twice."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Event
from config.kernel import clock as kernel_clock
from config.kernel.errors import NotConfigured
from credits.models import Posting, Wallet
from payments.exceptions import NoticeRefused
from payments.gateways.base import Outcome, Standing
from payments.gateways.sandbox import notices
from payments.models import Notice, Order
from payments.services import notice as notice_service
from payments.services.fulfil import Verdict, fulfil
from payments.services.notice import notice_act_due, notice_sweep
from payments.states import NoticeFate
from tests.payments.conftest import Buy, credits_of, deliver, fates, moved
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db
PAID = "checkout.session.completed"


@pytest.fixture
def paid(stripe_server: StripeServer, user_factory: Any, buy: Buy) -> tuple[Any, Order, dict[str, Any]]:
    """A buyer, an order, and its session, paid at Stripe."""
    user = user_factory(bonus=0)
    order = buy(user)
    return user, order, stripe_server.pay(order.external_id)


Case = tuple[Any, Order, dict[str, Any]]


def test_a_payment_posts_credits_cash_and_event_in_one_go(stripe_server: StripeServer, paid: Case) -> None:
    user, order, session = paid
    deliver(*stripe_server.event(PAID, session, number="evt_1"))
    order.refresh_from_db()
    rows = set(Posting.objects.filter(transaction=order.transaction_id or 0).values_list("account", "unit", "amount"))
    assert rows == {
        ("paid", "credits", 1_100),
        ("sales", "credits", -1_100),
        ("cash:stripe", "cny", 10_000),
        ("sales", "cny", -10_000),
    }
    assert (order.status, Wallet.objects.get(pk=user.pk).paid) == ("succeeded", 1_100)
    event = Event.objects.get(user=user, kind="order.settled")
    assert (event.payload["order_id"], event.payload["paid_credits"]) == (str(order.uuid), 1_100)
    notice = Notice.objects.get(external_id="evt_1")
    assert (notice.fate, notice.order_id, notice.decided_at is not None) == ("fulfilled", order.pk, True)
    assert json.loads(bytes(notice.body))["id"] == "evt_1"
    assert "stripe-signature" in notice.headers


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_total": 9_999}, "another amount"),
        ({"amount_total": 1}, "another amount"),
        ({"amount_total": 10_000_000}, "another amount"),
        ({"amount_total": -10_000}, "another amount"),
        ({"currency": "usd"}, "another currency"),
        ({"currency": "jpy"}, "another currency"),
        ({"id": "cs_test_other"}, "another checkout"),
        ({"client_reference_id": str(uuid4())}, "unknown order"),
    ],
)
def test_genuine_news_of_other_money_is_refused_and_kept(
    stripe_server: StripeServer, paid: Case, change: dict[str, Any], reason: str
) -> None:
    before = moved()
    receipt = deliver(*stripe_server.event(PAID, {**paid[2], **change}))
    assert moved() == before
    notice = Notice.objects.get(pk=receipt.notice_id)
    assert (notice.fate, notice.reason) == ("refused", reason)


def test_another_buyers_session_does_not_pay_my_order(stripe_server: StripeServer, paid: Case, user_factory: Any, buy: Buy) -> None:
    mine = buy(user_factory(bonus=0))
    before = moved()
    receipt = deliver(*stripe_server.event(PAID, {**paid[2], "client_reference_id": str(mine.uuid)}))
    assert (moved(), receipt.fate) == (before, NoticeFate.REFUSED)


@pytest.mark.parametrize("order_id", [None, "", 7, "1", "' OR 1=1 --", "../..", "\x00", [], {"a": 1}])
def test_an_order_id_of_any_form_moves_nothing(stripe_server: StripeServer, paid: Case, order_id: Any) -> None:
    before = moved()
    try:
        receipt = deliver(*stripe_server.event(PAID, {**paid[2], "client_reference_id": order_id}))
        assert receipt.fate in (NoticeFate.IGNORED, NoticeFate.REFUSED)
    except NoticeRefused:
        pass
    assert moved() == before


def test_a_wrong_signature_is_refused_recorded_and_moves_nothing(stripe_server: StripeServer, paid: Case) -> None:
    before = moved()
    with pytest.raises(NoticeRefused):
        deliver(*stripe_server.event(PAID, paid[2], secret="whsec_wrong", number="evt_1"))
    assert moved() == before
    assert fates() == ["unproven"]
    assert deliver(*stripe_server.event(PAID, paid[2], number="evt_1")).fate == NoticeFate.FULFILLED


def test_a_changed_body_is_refused(stripe_server: StripeServer, paid: Case) -> None:
    body, headers = stripe_server.event(PAID, {**paid[2], "amount_total": 1})
    before = moved()
    with pytest.raises(NoticeRefused):
        deliver(body.replace(b'"amount_total": 1', b'"amount_total": 10000'), headers)
    assert moved() == before


@pytest.mark.parametrize(("age_s", "accepted"), [(290, True), (310, False), (86_400, False)])
def test_a_stale_notice_is_refused(stripe_server: StripeServer, paid: Case, age_s: int, accepted: bool) -> None:
    body, headers = stripe_server.event(PAID, paid[2], age_s=age_s)
    if accepted:
        assert deliver(body, headers).fate == NoticeFate.FULFILLED
        return
    before = moved()
    with pytest.raises(NoticeRefused):
        deliver(body, headers)
    assert moved() == before


def test_the_same_notice_again_only_counts(stripe_server: StripeServer, paid: Case) -> None:
    notice = stripe_server.event(PAID, paid[2])
    deliver(*notice)
    before = moved()
    for _ in range(3):
        assert deliver(*notice).fate == NoticeFate.FULFILLED
    assert (moved(), Notice.objects.get().deliveries) == (before, 4)


def test_two_notices_of_one_payment_credit_once(stripe_server: StripeServer, paid: Case) -> None:
    deliver(*stripe_server.event(PAID, paid[2]))
    before = moved()
    assert deliver(*stripe_server.event("checkout.session.async_payment_succeeded", paid[2])).fate == NoticeFate.SUPERSEDED
    assert (moved(), credits_of(paid[0])) == (before, 1_100)


@pytest.mark.parametrize("kind", ["checkout.session.async_payment_failed", "checkout.session.expired"])
def test_late_bad_news_never_undoes_a_payment(stripe_server: StripeServer, paid: Case, kind: str) -> None:
    deliver(*stripe_server.event(PAID, paid[2]))
    before = moved()
    assert deliver(*stripe_server.event(kind, {**paid[2], "status": "expired"})).fate == NoticeFate.SUPERSEDED
    assert moved() == before


def test_money_after_bad_news_is_honoured(stripe_server: StripeServer, paid: Case) -> None:
    user, order, session = paid
    deliver(*stripe_server.event("checkout.session.async_payment_failed", session))
    order.refresh_from_db()
    assert (order.status, credits_of(user)) == ("failed", 0)
    deliver(*stripe_server.event(PAID, session))
    order.refresh_from_db()
    assert (order.status, order.failure, credits_of(user)) == ("succeeded", "", 1_100)


def test_a_sandbox_notice_does_not_settle_a_real_order(stripe_server: StripeServer, paid: Case, settings: Any) -> None:
    order = paid[1]
    standing = Standing(Outcome.PAID, order.uuid, order.external_id, "", order.amount_cents, order.currency)
    raw = notices.own(standing)
    before = moved()
    with pytest.raises(NotConfigured):
        deliver(raw.body, dict(raw.headers), "sandbox")
    settings.DEMO = True
    assert deliver(raw.body, dict(raw.headers), "sandbox").fate == NoticeFate.REFUSED
    assert moved() == before


def test_unproven_notices_are_bounded(stripe_server: StripeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_service, "UNPROVEN_AN_HOUR", 3)
    for number in range(6):
        with pytest.raises(NoticeRefused):
            deliver(b"x" * 10_000 + str(number).encode(), {"stripe-signature": "t=1,v1=0", "cookie": "secret"})
    assert fates() == ["unproven"] * 3
    assert all(len(bytes(row.body)) == 4096 and "cookie" not in row.headers for row in Notice.objects.all())


def test_unproven_notices_are_forgotten_after_a_month_and_proven_ones_never(stripe_server: StripeServer, paid: Case) -> None:
    with pytest.raises(NoticeRefused):
        deliver(b"x", {})
    deliver(*stripe_server.event(PAID, paid[2]))
    assert notice_sweep(at=kernel_clock.now() + dt.timedelta(days=29)) == 0
    assert notice_sweep(at=kernel_clock.now() + dt.timedelta(days=31)) == 1
    assert fates() == ["fulfilled"]


def test_a_notice_whose_handling_broke_off_is_taken_up_by_the_sweep(
    stripe_server: StripeServer, paid: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice_service, "notice_act", lambda **_: Verdict(NoticeFate.RECEIVED))
    deliver(*stripe_server.event(PAID, paid[2]))
    monkeypatch.undo()
    assert (fates(), credits_of(paid[0])) == (["received"], 0)
    assert notice_act_due(at=kernel_clock.now()) == 0
    assert notice_act_due(at=kernel_clock.now() + dt.timedelta(minutes=2)) == 1
    assert (fates(), credits_of(paid[0])) == (["fulfilled"], 1_100)


def test_a_failure_in_the_middle_leaves_nothing_half_done(stripe_server: StripeServer, paid: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = moved()
    monkeypatch.setattr("payments.services.fulfil.notice_decide", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        deliver(*stripe_server.event(PAID, paid[2]))
    monkeypatch.undo()
    assert moved() == before
    assert deliver(*stripe_server.event(PAID, paid[2])).fate == NoticeFate.FULFILLED


def test_fulfil_takes_no_evidence_that_is_none(paid: Case) -> None:
    order = paid[1]
    before = moved()
    with pytest.raises(ValueError, match="no evidence"), transaction.atomic():
        fulfil(order_id=order.pk, evidence=Standing(Outcome.OPEN, order.uuid, order.external_id), at=kernel_clock.now())
    assert moved() == before


@pytest.mark.parametrize(
    "change",
    [
        {"paid_credits": 2_001},
        {"amount_cents": 0, "value_cents": 0},
        {"value_cents": 20_000},
        {"status": "succeeded"},
        {"paid_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
    ],
)
def test_the_database_refuses_orders_that_cannot_be(paid: Case, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=paid[1].pk).update(**change)
