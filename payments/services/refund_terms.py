"""What may go back of an order, and what a sum of money takes along: credits, and worth in the books.

There are no lots: what is unspent of an order is the smaller of its paid credits that were not taken back yet and the wallet's.
All shares are taken of the running total, so that several parts together are exactly the whole.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from credits.selectors.wallet import balance_of
from payments.models import Order
from payments.selectors.dispute import is_disputed
from payments.selectors.refund import booked_of, committed_cents
from payments.services.catalogue import BASE_CENTS
from payments.services.subscription import subscription_refundable_cents
from payments.states import PAID


@dataclass(frozen=True, slots=True)
class Refundable:
    """What may go back with one operator: money in the order's currency, and the credits that are taken for it."""

    amount_cents: int = 0
    paid_credits: int = 0
    bonus_credits: int = 0


def refundable_of(order: Order, at: dt.datetime) -> Refundable:
    """What of the order is unspent now: money rounded down, bonus at most what is there; nothing while it is unpaid or disputed.

    Of a subscription: what has not run yet (`subscription_refundable_cents`). An order paid from the balance gives back credits.
    """
    if order.status not in PAID or is_disputed(order.pk):
        return Refundable()
    wallet = balance_of(order.user_id)
    cents = min(_unspent_cents(order, wallet.paid, at), rest_cents(order))
    paid, bonus = share_of(order, cents)
    return Refundable(cents, paid, min(bonus, wallet.bonus)) if cents > 0 else Refundable()


def rest_cents(order: Order) -> int:
    """What of the order's money is neither back nor on its way back."""
    return order.amount_cents - committed_cents(order) if order.status in PAID else 0


def share_of(order: Order, amount_cents: int) -> tuple[int, int]:
    """Paid credits (rounded up) and bonus credits (rounded down) to be taken for the next `amount_cents` of the order."""
    total = min(committed_cents(order) + amount_cents, order.amount_cents)
    paid = -(-order.paid_credits * total // order.amount_cents)
    bonus = order.bonus_credits * total // order.amount_cents
    return max(0, paid - order.taken_paid), max(0, bonus - order.taken_bonus)


def value_of(order: Order, amount_cents: int) -> int:
    """CNY cents in the books of the next `amount_cents` that leave. All parts sum to the order's value; more than was paid counts besides.

    An order that was paid from the balance has none.
    """
    if order.channel == Order.Channel.BALANCE:
        return 0
    booked = booked_of(order)
    total = booked.amount_cents + amount_cents
    beyond = total - max(order.amount_cents, booked.amount_cents)
    within = order.value_cents * min(total, order.amount_cents) // order.amount_cents
    return max(0, within - booked.value_cents) + max(0, order.value_cents * beyond // order.amount_cents)


def balance_credits_of(order: Order, amount_cents: int) -> int:
    """Paid credits that an order paid from the balance gives back for the next `amount_cents`."""
    before = committed_cents(order)
    return (before + amount_cents) // BASE_CENTS - before // BASE_CENTS


def is_last_of(order: Order, amount_cents: int, at: dt.datetime) -> bool:
    """Whether with the next `amount_cents` nothing is left that a membership or card could still be used for."""
    left = subscription_refundable_cents(order, at)
    return left is not None and committed_cents(order) + amount_cents >= left


def _unspent_cents(order: Order, wallet_paid: int, at: dt.datetime) -> int:
    left = subscription_refundable_cents(order, at)
    if left is not None:
        return max(0, left - committed_cents(order))
    if order.paid_credits == 0:
        return order.amount_cents
    unspent = min(order.paid_credits - order.taken_paid, wallet_paid)
    return max(0, order.amount_cents * (order.taken_paid + unspent) // order.paid_credits - committed_cents(order))
