"""What an order brings besides credits: memberships and monthly cards, from the sale to the refund."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings

from credits.services.wallet import pays_pending_until
from payments.models import Order, Product
from payments.services import card, membership

log = logging.getLogger(__name__)
Kind = Product.Kind


def order_reserve(order: Order, *, at: dt.datetime) -> None:
    """What the order promises is reserved: called where the order is placed, in its transaction. Raises CardSoldOut."""
    if order.kind == Kind.MONTHLY_CARD:
        card.card_place(order, at=at)


def order_effect(order: Order, *, at: dt.datetime) -> None:
    """What the settled order brings besides its credits stands, once for each order: called by `fulfil` in its transaction.

    A membership's period, a card's days; coins that the payer of a card payment gives mature late, for it can be charged back. A pack
    and a promoter's activation are their credits and the event `order.settled`. Locks the wallet, the campaign, then the event log.
    """
    if order.kind == Kind.MEMBERSHIP:
        membership.membership_start(order, at=at)
    elif order.kind == Kind.MONTHLY_CARD:
        card.card_start(order, at=at)
    if order.channel == Order.Channel.STRIPE:
        until = (order.paid_at or at) + dt.timedelta(days=settings.CARD_MATURITY_DAYS)
        pays_pending_until(user_id=order.user_id, until=until)


def subscription_refundable_cents(order: Order, at: dt.datetime) -> int | None:
    """Of the order's money (its currency's cents, rounded down) what its card or membership has not used; None: it is neither."""
    if order.kind == Kind.MEMBERSHIP:
        return membership.membership_refundable_cents(order, at)
    return card.card_refundable_cents(order, at) if order.kind == Kind.MONTHLY_CARD else None


def subscription_cancel(order: Order, *, at: dt.datetime) -> bool:
    """The order's card or membership ends now and later ones move up; False if there was none running. In the refund's transaction.

    Locks the wallet, the campaign, then the event log.
    """
    if order.kind == Kind.MEMBERSHIP:
        return membership.membership_cancel(order, at=at)
    return order.kind == Kind.MONTHLY_CARD and card.card_cancel(order, at=at)


def subscription_restore(order: Order, *, at: dt.datetime) -> bool:
    """What `subscription_cancel` ended runs again with what was left of it: its refund failed. False if it was not cancelled."""
    if order.kind == Kind.MEMBERSHIP:
        return membership.membership_restore(order, at=at)
    return order.kind == Kind.MONTHLY_CARD and card.card_restore(order, at=at)


def subscription_sweep(*, at: dt.datetime, limit: int = 200) -> int:
    """Ends and reminders are told, reservations of unpaid cards are released, paid cards without one are tried again; how many moved.

    Each in a transaction of its own: one that cannot be done is logged and holds up no other.
    """
    moved = 0
    for look, due in ((membership.membership_look, membership.memberships_due), (card.card_look, card.cards_due)):
        for number in due(at, limit):
            try:
                moved += look(number, at)
            except Exception:
                log.exception("%s of %s failed", look.__name__, number)
    return moved
