"""Pending orders are asked about at their gateways, so that a lost notice is only a late one."""

from __future__ import annotations

import datetime as dt
import logging

from payments.exceptions import PaymentUnavailable
from payments.models import Order
from payments.services.expiry import order_ask
from payments.states import OrderState

log = logging.getLogger(__name__)
STEPS = (dt.timedelta(minutes=3), dt.timedelta(minutes=10), dt.timedelta(minutes=30))
"""Ages at which a pending order is asked about; from then on hourly."""
LATER = dt.timedelta(hours=1)


def next_ask(order: Order, at: dt.datetime) -> dt.datetime:
    """When the pending order is asked about after `at`; never later than the end of its time."""
    step = next((step for step in STEPS if order.created_at + step > at), None)
    return min(order.created_at + step if step else at + LATER, order.expires_at)


def order_ask_due(*, at: dt.datetime, limit: int = 300) -> int:
    """Pending orders whose turn it is were looked up at their gateways and settled or ended accordingly; how many changed state.

    Each is claimed first, so that two runs at once ask only once. Those over their time belong to `order_expire_due`.
    """
    due = Order.objects.filter(status=OrderState.PENDING, ask_after__lte=at, expires_at__gt=at)
    return sum(_asked(order, at) for order in due.order_by("ask_after")[:limit])


def _asked(order: Order, at: dt.datetime) -> bool:
    claim = Order.objects.filter(pk=order.pk, status=OrderState.PENDING, ask_after=order.ask_after)
    if not claim.update(ask_after=next_ask(order, at)):
        return False
    try:
        return order_ask(order=order, at=at) != OrderState.PENDING
    except PaymentUnavailable:
        log.warning("order %s cannot be asked about now", order.uuid)
    except Exception:
        log.exception("order %s cannot be asked about", order.uuid)
    return False
