"""Refunds and disputes of what runs for a time, and of orders that were paid from the balance."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from payments.models import MembershipPeriod, MonthlyCard, Order, Refund
from payments.services.balance import order_pay_by_balance
from payments.services.card import card_claim
from payments.services.catalogue import terms_of_product
from payments.services.order import order_create
from payments.services.refund import refund_approve, refund_create
from payments.services.refund_terms import Refundable, refundable_of
from payments.services.subscription import subscription_refundable_cents
from tests.payments.conftest import deliver
from tests.payments.refunding import buckets, charge_of, cny, now, paid_order, refunded
from tests.payments.stripe_server import StripeServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def operators(user_factory: Any) -> tuple[Any, Any]:
    return user_factory(is_staff=True), user_factory(is_staff=True)


def bought(server: StripeServer, user: Any, slug: str) -> Order:
    """A membership of `studio` or a card of `skyriff`, paid through Stripe."""
    contract = "skyriff" if slug == "monthly-card" else "studio"
    terms = terms_of_product(contract=contract, slug=slug)
    order = order_create(user_id=user.pk, terms=terms, channel="stripe", at=now())
    deliver(*server.event("checkout.session.completed", server.pay(order.external_id)))
    order.refresh_from_db()
    assert order.status == "succeeded"
    return order


def test_an_unclaimed_day_of_a_card_is_worth_a_thirtieth(
    stripe_server: StripeServer, user_factory: Any, operators: Any, clock: Any
) -> None:
    user = user_factory(bonus=0)
    order = bought(stripe_server, user, "monthly-card")
    for _ in range(3):
        card_claim(user_id=user.pk, at=now())
        clock.advance(days=1)
    assert refundable_of(order, now()) == Refundable(2_900 * 27 // 30)
    refund = refunded(order, operators[0], 2_610)
    assert (refund.status, refund.is_last, order.status, cny("cash:stripe")) == ("succeeded", True, "partial_refunded", 290)
    assert MonthlyCard.objects.get().state == "cancelled"
    assert refundable_of(order, now()) == Refundable()


def test_a_part_of_a_card_leaves_it_running_and_the_next_part_counts_it(
    stripe_server: StripeServer, user_factory: Any, operators: Any
) -> None:
    user = user_factory(bonus=0)
    order = bought(stripe_server, user, "monthly-card")
    assert refunded(order, operators[0], 1_000, key="1").is_last is False
    assert MonthlyCard.objects.get().state == "live"
    assert refundable_of(order, now()).amount_cents == 1_900
    assert refunded(order, operators[0], 1_900, key="2").is_last is True
    assert (MonthlyCard.objects.get().state, order.status) == ("cancelled", "refunded")


def test_more_than_is_unused_needs_two_operators(stripe_server: StripeServer, user_factory: Any, operators: Any) -> None:
    user = user_factory(bonus=0)
    order = bought(stripe_server, user, "monthly-card")
    card_claim(user_id=user.pk, at=now())
    refund = refunded(order, operators[0], 2_900)
    assert refund.status == "waiting"
    refund = refund_approve(refund_id=refund.pk, operator=operators[1], reason="goodwill", at=now())
    assert (refund.status, refund.is_last) == ("sending", True)


def test_a_refund_ends_a_membership_and_its_failure_brings_it_back(
    stripe_server: StripeServer, user_factory: Any, operators: Any, clock: Any
) -> None:
    user = user_factory(bonus=0)
    order = bought(stripe_server, user, "quarterly")
    clock.advance(days=10)
    left = subscription_refundable_cents(order, now())
    assert left is not None
    assert 0 < left < 2_500
    refund = refunded(order, operators[0], left)
    assert (refund.status, MembershipPeriod.objects.get().cancelled_at is not None) == ("succeeded", True)
    deliver(*stripe_server.event("refund.failed", stripe_server.refund_ends(refund.external_id, "failed")))
    order.refresh_from_db()
    period = MembershipPeriod.objects.get()
    assert (order.status, period.cancelled_at, cny("cash:stripe")) == ("succeeded", None, 2_500)
    assert period.ends_at - now() > dt.timedelta(days=70)


def test_a_lost_dispute_ends_a_membership_and_an_appeal_brings_it_back(stripe_server: StripeServer, user_factory: Any) -> None:
    order = bought(stripe_server, user_factory(bonus=0), "monthly")
    opened = stripe_server.dispute(charge_of(stripe_server, order)["id"])
    deliver(*stripe_server.event("charge.dispute.created", opened))
    assert MembershipPeriod.objects.get().cancelled_at is None
    deliver(*stripe_server.event("charge.dispute.closed", stripe_server.dispute_moves(opened["id"], "lost")))
    order.refresh_from_db()
    assert (MembershipPeriod.objects.get().cancelled_at is not None, order.status, cny("cash:stripe")) == (True, "refunded", 0)
    deliver(*stripe_server.event("charge.dispute.closed", stripe_server.dispute_moves(opened["id"], "won")))
    order.refresh_from_db()
    assert (MembershipPeriod.objects.get().cancelled_at, order.status, cny("cash:stripe")) == (None, "succeeded", 990)


def test_an_order_paid_from_the_balance_gives_back_credits_and_never_money(
    stripe_server: StripeServer, user_factory: Any, operators: Any
) -> None:
    user = user_factory(bonus=0)
    paid_order(stripe_server, user)
    order = order_pay_by_balance(user_id=user.pk, terms=terms_of_product(contract="studio", slug="monthly"), at=now())
    assert buckets(user)[0] == 901
    cents = refundable_of(order, now()).amount_cents
    refund = refund_create(order_id=order.pk, operator=operators[0], amount_cents=cents, reason="x", idempotency_key="k", at=now())
    order.refresh_from_db()
    assert (refund.status, refund.value_cents, buckets(user)[0]) == ("succeeded", 0, 901 + cents // 10)
    assert order.status in ("refunded", "partial_refunded")
    assert (cny("cash:stripe"), cny("refunds"), stripe_server.refunds) == (10_000, 0, {})
    assert MembershipPeriod.objects.get().cancelled_at is not None
    assert Refund.objects.get().settled_at is not None
