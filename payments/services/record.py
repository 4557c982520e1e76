"""What a gateway says about an order, done: money is fulfilled, an end without money ends it, money on its way is noted."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from payments.gateways.base import Outcome, Standing
from payments.locks import order_lock
from payments.models import Order
from payments.services.fulfil import evidence_text, fulfil, judge
from payments.services.life import order_move
from payments.services.verdict import Verdict, notice_decide, verdict_alarm
from payments.states import PAID, NoticeFate, OrderState

ENDS = {
    Outcome.FAILED: OrderState.FAILED,
    Outcome.CANCELLED: OrderState.CANCELLED,
    Outcome.EXPIRED: OrderState.EXPIRED,
}
SILENT = frozenset({Outcome.OPEN, Outcome.NONE})
"""Outcomes that change nothing: nobody has paid yet, or the gateway was never told."""


def order_hear(*, order_id: int, standing: Standing, at: dt.datetime, notice_id: int | None = None) -> Verdict:
    """The gateway's word is done to the order, and the notice's fate with it, in one transaction.

    Locks the order, then as `fulfil`. Raises PaymentNotFound, DatabaseUnavailable.
    """
    if standing.outcome == Outcome.PAID:
        return fulfil(order_id=order_id, evidence=standing, at=at, notice_id=notice_id)
    with transaction.atomic():
        order = order_lock(order_id)
        verdict = judge(order, standing) or Verdict(_recorded(order, standing, at))
        if notice_id is not None:
            notice_decide(notice_id, verdict, order, at)
        verdict_alarm(verdict, subject=f"order:{order.uuid}", text=evidence_text(standing), at=at)
    return verdict


def _recorded(order: Order, standing: Standing, at: dt.datetime) -> NoticeFate:
    """What an outcome without money does to the locked order, unless it is already further."""
    if standing.outcome in SILENT:
        return NoticeFate.IGNORED
    if standing.outcome == Outcome.PROCESSING:
        waiting = Order.objects.filter(pk=order.pk, processing_at=None).exclude(status__in=sorted(PAID))
        is_new = waiting.update(processing_at=at, updated_at=at) == 1
    else:
        is_new = order_move(order, ENDS[standing.outcome], at=at, failure=f"The payment service says: {standing.outcome}.")
    return NoticeFate.RECORDED if is_new else NoticeFate.SUPERSEDED
