"""Reads of refunds, and what of an order's money is back or on its way back."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from payments.models import Dispute, Order, Refund
from payments.states import DisputeState, RefundState

GOING = (RefundState.SENDING, RefundState.PROCESSING, RefundState.SUCCEEDED)
"""States of a refund whose credits are taken back."""
UNDECIDED = (RefundState.REQUESTED, RefundState.WAITING)
OPEN = (*UNDECIDED, RefundState.SENDING, RefundState.PROCESSING)


@dataclass(frozen=True, slots=True)
class Booked:
    """What the books say has left of an order: in its own currency, and in CNY cents."""

    amount_cents: int
    value_cents: int


def going_cents(order: Order) -> int:
    """What refunds of the order have paid back or are paying back, in its currency; a second charge's refund does not count."""
    return int(_own(order).filter(status__in=GOING).aggregate(cents=Sum("amount_cents", default=0))["cents"])


def committed_cents(order: Order) -> int:
    """What of the order's money is gone or going: refunds under way or done, and what disputes took or keep. At most the order's amount."""
    held = Dispute.objects.filter(order=order, status__in=[DisputeState.OPEN, DisputeState.LOST])
    disputed = int(held.aggregate(cents=Sum("amount_cents", default=0))["cents"])
    return min(order.amount_cents, going_cents(order) + disputed)


def returned_cents(order: Order) -> int:
    """What of the order's money is back with the payer for good: refunds that succeeded, disputes that were lost."""
    refunds = _own(order).filter(status=RefundState.SUCCEEDED).aggregate(cents=Sum("amount_cents", default=0))
    disputes = Dispute.objects.filter(order=order, status=DisputeState.LOST).aggregate(cents=Sum("amount_cents", default=0))
    return min(order.amount_cents, int(refunds["cents"] + disputes["cents"]))


def booked_of(order: Order) -> Booked:
    """What has left by refunds that succeeded and disputes whose money is gone, as it was booked."""
    sums = {"amount": Sum("amount_cents", default=0), "value": Sum("value_cents", default=0)}
    refunds = _own(order).filter(status=RefundState.SUCCEEDED).aggregate(**sums)
    disputes = Dispute.objects.filter(order=order, is_money_gone=True).aggregate(**sums)
    return Booked(int(refunds["amount"] + disputes["amount"]), int(refunds["value"] + disputes["value"]))


def refund_is_open(order: Order) -> bool:
    """Whether a refund of the order waits for operators or for the gateway."""
    return _own(order).filter(status__in=OPEN).exists()


def is_ended_by_refund(order: Order) -> bool:
    """Whether a refund that stands ended the order's membership or card."""
    return _own(order).filter(is_last=True, status__in=GOING).exists()


def unnamed_refund(order: Order, amount_cents: int) -> Refund | None:
    """A refund that only a running total told of and that this amount is (or is a part of), locked; an exact one first."""
    rows = _own(order).filter(origin=Refund.Origin.GATEWAY, external_id="", status=RefundState.SUCCEEDED, amount_cents__gte=amount_cents)
    return rows.select_for_update().order_by("amount_cents", "pk").first()


def _own(order: Order) -> QuerySet[Refund]:
    """Refunds of the order's own payment."""
    return Refund.objects.filter(order=order).exclude(origin=Refund.Origin.DUPLICATE)
