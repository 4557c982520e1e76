"""A paid order whose bonus comes out of a campaign, and the books' own guard of an order's key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from accounts.exceptions import IdempotencyConflict
from config.kernel import clock as kernel_clock
from config.kernel.sql import fetch_one
from credits.models import Campaign, Wallet
from payments.models import Order
from payments.services.catalogue import terms_of_amount
from payments.services.fulfil import SETTLE, settle_arguments
from payments.services.order import order_create
from payments.services.sandbox import sandbox_pay

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
