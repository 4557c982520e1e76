"""The end of orders that nobody paid: the gateway is asked first, so that no money is lost."""

from __future__ import annotations

import datetime as dt
import logging

from django.db.models import Q

from config.kernel.errors import NotConfigured
from payments.exceptions import PaymentUnavailable
from payments.gateways.base import OrderRef, Outcome, Rejected, Standing, Temporary
from payments.gateways.registry import gateway_of
from payments.models import Order
from payments.services.alarm import alarm_raise
from payments.services.fulfil import fulfil
from payments.services.life import order_move
from payments.services.record import order_hear
from payments.states import NoticeFate, OrderState

log = logging.getLogger(__name__)
ASK_AGAIN = dt.timedelta(minutes=10)
STUCK_AFTER = dt.timedelta(hours=24)
ASK_STUCK_AGAIN = dt.timedelta(hours=1)


def order_expire_due(*, at: dt.datetime, limit: int = 100) -> int:
    """Pending orders whose time is over are closed at their gateways and expired, or settled if their money came; how many ended.

    One whose gateway cannot say now stays pending and is asked again in 10 minutes; after 24 hours it raises an alarm.
    """
    due = Order.objects.filter(Q(ask_after=None) | Q(ask_after__lte=at), status=OrderState.PENDING, expires_at__lte=at)
    return sum(_expired(order, at) for order in due.order_by("expires_at")[:limit])


def order_cancel(*, order: Order, reason: str, at: dt.datetime) -> OrderState:
    """The pending order is closed at its gateway and cancelled, or settled if its money came; the state it is in now.

    Outside any transaction. Raises PaymentUnavailable when the gateway cannot say.
    """
    if order.status != OrderState.PENDING:
        return OrderState(order.status)
    return _ended(order, OrderState.CANCELLED, reason, at)


def order_ask(*, order: Order, at: dt.datetime) -> OrderState:
    """What the gateway says about the order is done (money, also late money, settles it); the state it is in now.

    Outside any transaction. Raises PaymentUnavailable.
    """
    order_hear(order_id=order.pk, standing=_answer(order, close=False), at=at)
    order.refresh_from_db()
    return OrderState(order.status)


def _expired(order: Order, at: dt.datetime) -> bool:
    try:
        state = _ended(order, OrderState.EXPIRED, "", at)
    except PaymentUnavailable:
        state = OrderState.PENDING
    except Exception:
        log.exception("order %s cannot expire", order.uuid)
        state = OrderState.PENDING
    if state == OrderState.PENDING:
        _ask_again(order, at)
    return state != OrderState.PENDING


def _ask_again(order: Order, at: dt.datetime) -> None:
    """The order is asked about again later; over its time for a day, it is somebody's business."""
    log.warning("order %s is over its time and its gateway has not ended it", order.uuid)
    is_stuck = at - order.expires_at > STUCK_AFTER
    pause = ASK_STUCK_AGAIN if is_stuck else ASK_AGAIN
    Order.objects.filter(pk=order.pk, status=OrderState.PENDING).update(ask_after=at + pause)
    if is_stuck:
        text = f"Over its time since {order.expires_at:%Y-%m-%d %H:%M} UTC, and {order.channel} neither ends it nor says that it was paid."
        alarm_raise(kind="order_stuck", subject=f"order:{order.uuid}", text=text, at=at)


def _ended(order: Order, to: OrderState, reason: str, at: dt.datetime) -> OrderState:
    standing = _answer(order, close=True)
    if standing.outcome == Outcome.PAID:
        verdict = fulfil(order_id=order.pk, evidence=standing, at=at)
        if verdict.fate == NoticeFate.REFUSED:
            Order.objects.filter(pk=order.pk).update(failure=f"The payment service speaks of {verdict.reason}.")
    elif standing.outcome in (Outcome.OPEN, Outcome.PROCESSING):
        return OrderState.PENDING
    else:
        end = OrderState.FAILED if standing.outcome == Outcome.FAILED else to
        order_move(order, end, at=at, failure=(reason or standing.text)[:200])
    order.refresh_from_db()
    return OrderState(order.status)


def _answer(order: Order, *, close: bool) -> Standing:
    """The gateway's word on the order; with `close`, after it takes no payment any more. Raises PaymentUnavailable."""
    reference = OrderRef(order.uuid, order.external_id)
    try:
        gateway = gateway_of(order)
        standing = gateway.query(reference)
        return gateway.close(reference) if close and standing.outcome == Outcome.OPEN else standing
    except (Temporary, Rejected, NotConfigured) as error:
        raise PaymentUnavailable() from error
