"""The one place where an order changes its state."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from accounts.services.event import event_append
from payments.models import Order
from payments.states import EDGES, PAID, OrderState, before

EVENTS = {
    OrderState.SUCCEEDED: "order.settled",
    OrderState.FAILED: "order.failed",
    OrderState.CANCELLED: "order.failed",
    OrderState.EXPIRED: "order.failed",
}
"""State → event kind (`config/reactions.py`); the payload's `status` tells the ends without money apart.

Whatever moves an order whose money came in before is `order.refunded`, with what is left of its money.
"""


def order_move(order: Order, to: OrderState, *, at: dt.datetime, **changes: Any) -> bool:
    """The order is in `to`, with `changes` and the event, in one transaction; False when it was no longer in a state that leads there."""
    with transaction.atomic(savepoint=False):
        allowed = sorted(before(to, EDGES))
        kind = "order.refunded" if order.status in PAID else EVENTS[to]
        moved = Order.objects.filter(pk=order.pk, status__in=allowed).update(status=to, updated_at=at, **changes)
        if not moved:
            return False
        for name, value in {"status": to, "updated_at": at, **changes}.items():
            setattr(order, name, value)
        event_append(user_id=order.user_id, kind=kind, payload=event_payload(order), at=at)
    return True


def event_payload(order: Order) -> dict[str, Any]:
    """What an event says about an order: numbers and names only, nothing that a payer typed."""
    return {
        "order_id": str(order.uuid),
        "status": str(order.status),
        "contract": order.contract,
        "kind": order.kind,
        "channel": order.channel,
        "amount_cents": order.amount_cents,
        "currency": order.currency,
        "paid_credits": order.paid_credits,
        "bonus_credits": order.bonus_credits,
        "refunded_cents": order.refunded_cents,
    }
