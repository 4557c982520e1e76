"""Paying from one's own credits: memberships only (contracts/README.md, "The studio's shop")."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from credits.services.wallet import pay
from payments.exceptions import OrderRefused
from payments.locks import order_lock
from payments.models import Order, Product
from payments.services.catalogue import BASE_CENTS, Terms
from payments.services.life import order_move
from payments.services.order import order_place
from payments.services.subscription import order_effect
from payments.states import OrderState


def credits_due(terms: Terms) -> int:
    """Paid credits that a CNY amount costs at the base rate, rounded up."""
    return -(-terms.amount_cents // BASE_CENTS)


def order_pay_by_balance(*, user_id: int, terms: Terms, idempotency_key: str = "", at: dt.datetime) -> Order:
    """The membership is ordered, paid with paid credits and running, in one transaction; no money is booked. Idempotent by key.

    Locks the order, the wallet, then the event log. Raises OrderRefused (no membership, or not in CNY), InsufficientCredits (too few
    *paid* credits), IdempotencyConflict, WalletFrozen: then nothing is there, not even the order.
    """
    if terms.kind != Product.Kind.MEMBERSHIP or terms.currency != "CNY":
        raise OrderRefused()
    with transaction.atomic():
        placed = order_place(user_id=user_id, terms=terms, channel=Order.Channel.BALANCE, idempotency_key=idempotency_key, at=at)
        order = order_lock(placed.pk)
        if order.status == OrderState.PENDING:
            _settle(order, credits_due(terms), at)
    return order


def _settle(order: Order, amount_credits: int, at: dt.datetime) -> None:
    number = str(order.uuid)
    movement = pay(user_id=order.user_id, key=f"order:{number}", ref=number, amount=amount_credits, at=at)
    order_move(order, OrderState.SUCCEEDED, at=at, paid_at=at, transaction_id=movement.transaction_id)
    order_effect(order, at=at)
