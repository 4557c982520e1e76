"""A membership paid from one's own credits: paid credits only, no money booked, all or nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from accounts.exceptions import IdempotencyConflict
from accounts.models import Event
from credits.exceptions import InsufficientCredits
from credits.models import Posting, Wallet
from payments.exceptions import OrderRefused
from payments.models import MembershipPeriod, Order
from payments.selectors.subscription import membership_of
from payments.services.balance import credits_due, order_pay_by_balance
from payments.services.catalogue import terms_of_amount, terms_of_product
from payments.services.subscription import subscription_cancel, subscription_refundable_cents
from tests.payments.conftest import moved
from tests.payments.subscriptions import shanghai, told
from tests.payments.test_races import AT_ONCE, at_once

AT = shanghai(2026, 3, 15, 12, 0)


@pytest.fixture
def user(demo: None, db: None, user_factory: Any) -> Any:
    """Somebody with 200 paid and 500 bonus credits."""
    return user_factory(paid=200, bonus=500)


def pay(user: Any, slug: str = "monthly", **more: Any) -> Order:
    """The membership is bought from the balance."""
    more.setdefault("at", AT)
    return order_pay_by_balance(user_id=user.pk, terms=terms_of_product(contract="studio", slug=slug), **more)


def buckets(user: Any) -> tuple[int, int]:
    """Paid and bonus credits."""
    wallet = Wallet.objects.get(pk=user.pk)
    return wallet.paid, wallet.bonus


def cash() -> list[tuple[str, int]]:
    """Every posting of money."""
    return list(Posting.objects.filter(unit="cny").order_by("pk").values_list("account", "amount"))


@pytest.mark.django_db
@pytest.mark.parametrize(("cents", "credits_count"), [(990, 99), (2_500, 250), (9_900, 990), (1, 1), (10, 1), (11, 2), (995, 100)])
def test_a_credit_pays_ten_cents_rounded_up(cents: int, credits_count: int) -> None:
    terms = replace(terms_of_product(contract="studio", slug="monthly"), amount_cents=cents)
    assert credits_due(terms) == credits_count


def test_a_membership_costs_paid_credits_and_runs_at_once(user: Any) -> None:
    money = cash()
    order = pay(user)
    assert (order.status, order.channel, order.kind, order.method) == ("succeeded", "balance", "membership", "balance")
    assert (order.paid_at, order.transaction_id is not None) == (AT, True)
    assert buckets(user) == (101, 500)
    membership = membership_of(user.pk, AT)
    assert membership is not None
    assert (membership.type, membership.ends_at) == ("monthly", shanghai(2026, 4, 15, 12, 0))
    assert cash() == money
    assert told(user, "membership") == [("started", None)]
    settled = [event.payload for event in Event.objects.filter(user=user, kind="order.settled").order_by("number")]
    assert [(payload["channel"], payload["kind"]) for payload in settled] == [("sandbox", "credit_pack"), ("balance", "membership")]


def test_bonus_credits_buy_no_membership(user: Any) -> None:
    before = moved()
    with pytest.raises(InsufficientCredits) as refused:
        pay(user, "quarterly")
    assert refused.value.params == {"current_balance": 200, "required": 250}
    assert (moved(), buckets(user), MembershipPeriod.objects.count()) == (before, (200, 500), 0)


def test_a_refused_payment_leaves_its_key_free(user: Any) -> None:
    with pytest.raises(InsufficientCredits):
        pay(user, "quarterly", idempotency_key="k")
    assert pay(user, idempotency_key="k").status == "succeeded"


def test_the_same_key_buys_once_and_another_input_is_a_conflict(user: Any) -> None:
    first = pay(user, idempotency_key="k")
    before = moved()
    again = pay(user, idempotency_key="k", at=AT + dt.timedelta(days=1))
    assert (again.pk, moved(), buckets(user)) == (first.pk, before, (101, 500))
    with pytest.raises(IdempotencyConflict):
        pay(user, "yearly", idempotency_key="k")
    assert moved() == before


@pytest.mark.parametrize("slug", ["credits-6", "monthly-card", "promoter"])
def test_nothing_bought_with_credits_yields_credits(user: Any, slug: str) -> None:
    before = moved()
    with pytest.raises(OrderRefused):
        order_pay_by_balance(user_id=user.pk, terms=terms_of_product(contract="skyriff", slug=slug), at=AT)
    with pytest.raises(OrderRefused):
        order_pay_by_balance(user_id=user.pk, terms=terms_of_amount(contract="studio", amount_cents=1_000), at=AT)
    assert moved() == before


def test_foreign_money_is_no_balance(user: Any) -> None:
    terms = replace(terms_of_product(contract="studio", slug="monthly"), currency="JPY")
    before = moved()
    with pytest.raises(OrderRefused):
        order_pay_by_balance(user_id=user.pk, terms=terms, at=AT)
    assert moved() == before


def test_twenty_purchases_at_once_spend_what_is_there(committed_db: Any, demo: None, user_factory: Any) -> None:
    user = user_factory(paid=300, bonus=0)
    results = at_once(lambda _: pay(user))
    refused = [result for result in results if isinstance(result, InsufficientCredits)]
    assert (len(refused), buckets(user), MembershipPeriod.objects.count()) == (AT_ONCE - 3, (3, 0), 3)
    membership = membership_of(user.pk, AT)
    assert membership is not None
    assert membership.ends_at == shanghai(2026, 6, 15, 12, 0)


def test_twenty_purchases_under_one_key_are_one(committed_db: Any, demo: None, user_factory: Any) -> None:
    user = user_factory(paid=300, bonus=0)
    results = at_once(lambda _: pay(user, idempotency_key="k").pk)
    assert (len(set(results)), buckets(user), MembershipPeriod.objects.count()) == (1, (201, 0), 1)


def test_its_unused_days_can_be_given_back(user: Any) -> None:
    order = pay(user)
    later = AT + dt.timedelta(days=1)
    assert subscription_refundable_cents(order, later) == 990 * 30 // 31
    assert subscription_cancel(order, at=later)
    assert membership_of(user.pk, later) is None
