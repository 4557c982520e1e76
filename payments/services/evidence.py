"""Which order a word about a refund or a dispute speaks of, and what makes it unbelievable."""

from __future__ import annotations

import datetime as dt

from payments.gateways.base import DisputeStanding, RefundStanding
from payments.models import Notice, Order, Refund
from payments.services.verdict import Verdict
from payments.states import PAID, NoticeFate

EARLY = dt.timedelta(hours=1)
"""So long a word about an order that is not paid yet waits for the word about its payment."""


def order_of_standing(standing: RefundStanding | DisputeStanding, source: str) -> int | None:
    """The order's row number: by our own refund, by our order, by the charge; None if it is none of ours."""
    number = getattr(standing, "refund_uuid", None)
    by_refund = Refund.objects.filter(uuid=number).values_list("order_id", flat=True).first() if number else None
    if by_refund is not None:
        return by_refund
    if standing.order_uuid is not None:
        return Order.objects.filter(uuid=standing.order_uuid).values_list("pk", flat=True).first()
    if not standing.charge_id:
        return None
    rows = Order.objects.filter(charge_id=standing.charge_id)
    return next((order.pk for order in rows.order_by("pk")[:2] if is_source_of(order, source)), None)


def is_source_of(order: Order, source: str) -> bool:
    """Whether words about the order may come from `source`: its channel's own, in the sandbox also the sandbox's."""
    return source == order.channel or (order.is_sandbox and source == Order.Channel.SANDBOX)


def stranger(standing: RefundStanding | DisputeStanding) -> Verdict:
    """What becomes of a word whose order we do not know: refused if it names one of ours, else none of our business."""
    return Verdict(NoticeFate.REFUSED, "unknown order") if standing.order_uuid else Verdict(NoticeFate.IGNORED)


def unfit(order: Order, standing: RefundStanding | DisputeStanding, *, source: str, charge_id: str = "") -> Verdict | None:
    """None if the word may speak of this order's payment (or of `charge_id`); otherwise the refusal."""
    charge = charge_id or order.charge_id
    faults = {
        "another channel": not is_source_of(order, source),
        "another order": standing.order_uuid not in (None, order.uuid),
        "another charge": "" not in (charge, standing.charge_id) and standing.charge_id != charge,
        "another currency": standing.currency not in ("", order.currency),
    }
    found = next((reason for reason, is_fault in faults.items() if is_fault), None)
    return Verdict(NoticeFate.REFUSED, found) if found else None


def unpaid(order: Order, notice_id: int | None, at: dt.datetime) -> Verdict | None:
    """None if the order's money came in. Else the notice stays undecided for an hour (the payment's may be late), then it is refused."""
    if order.status in PAID:
        return None
    received = Notice.objects.filter(pk=notice_id or 0).values_list("received_at", flat=True).first()
    if received is not None and at - received < EARLY:
        return Verdict(NoticeFate.RECEIVED, "the order is not paid yet")
    return Verdict(NoticeFate.REFUSED, "the order is not paid")
