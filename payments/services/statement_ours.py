"""Our side of a gateway's day: settled orders and refunds, as a statement's lines name them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from payments.gateways.base import StatementLine
from payments.models import Order, Refund
from payments.states import PAID, RefundState

AT_ONCE = 1_000
DONE = frozenset({RefundState.PROCESSING, RefundState.SUCCEEDED})
"""A gateway's day may name a refund before we heard that it arrived."""


@dataclass(frozen=True, slots=True)
class Ours:
    """One payment or refund as we count it. `number`: 32 hex digits; `is_done`: we count the money as moved."""

    kind: str
    number: str
    external_id: str
    order_id: int
    amount_cents: int
    currency: str
    is_done: bool
    begun_at: dt.datetime

    @property
    def keys(self) -> set[tuple[str, str]]:
        """How a statement's line may name it."""
        return {(self.kind, name) for name in (self.number, self.external_id) if name}


def of_window(channel: str, begin: dt.datetime, end: dt.datetime) -> list[Ours]:
    """What we settled at the channel's gateway in this window: orders, and refunds that succeeded."""
    orders = Order.objects.filter(_at(channel, ""), paid_at__gte=begin, paid_at__lt=end)
    refunds = Refund.objects.filter(_at(channel, "order__"), status=RefundState.SUCCEEDED, settled_at__gte=begin, settled_at__lt=end)
    return [*map(_of_order, orders), *map(_of_refund, refunds.select_related("order"))]


def known(channel: str, lines: Sequence[StatementLine]) -> dict[tuple[str, str], Ours]:
    """What we know of the lines, whenever we counted it, by the line's kind and by our number or the gateway's."""
    found: dict[tuple[str, str], Ours] = {}
    for first in range(0, len(lines), AT_ONCE):
        some = lines[first : first + AT_ONCE]
        for mine in (*_known_payments(channel, some), *_known_refunds(channel, some)):
            found |= dict.fromkeys(mine.keys, mine)
    return found


def _known_payments(channel: str, lines: Iterable[StatementLine]) -> list[Ours]:
    payments = [line for line in lines if line.kind == "payment"]
    seconds = Refund.objects.filter(_at(channel, "order__"), origin=Refund.Origin.DUPLICATE)
    again = seconds.filter(charge_id__in=[line.external_id for line in payments]).select_related("order")
    return [*map(_of_second, again), *map(_of_order, Order.objects.filter(_at(channel, ""), _named(payments, "charge_id")))]


def _known_refunds(channel: str, lines: Iterable[StatementLine]) -> list[Ours]:
    backs = _named([line for line in lines if line.kind == "refund"], "external_id")
    return [*map(_of_refund, Refund.objects.filter(_at(channel, "order__"), backs).select_related("order"))]


def _at(channel: str, prefix: str) -> Q:
    """Rows whose money is at the channel's gateway: the sandbox served every channel of its orders."""
    if channel == Order.Channel.SANDBOX:
        return Q(**{f"{prefix}is_sandbox": True})
    return Q(**{f"{prefix}channel": channel, f"{prefix}is_sandbox": False})


def _named(lines: Iterable[StatementLine], external: str) -> Q:
    numbers = [UUID(hex=line.number) for line in lines if line.number]
    others = [line.external_id for line in lines if not line.number and line.external_id]
    return Q(uuid__in=numbers) | Q(**{f"{external}__in": others})


def _of_order(order: Order) -> Ours:
    is_done = order.status in PAID
    cents, currency = order.amount_cents, order.currency
    return Ours("payment", order.uuid.hex, order.charge_id, order.pk, cents, currency, is_done, order.created_at)


def _of_refund(refund: Refund) -> Ours:
    currency, is_done = refund.order.currency, refund.status in DONE
    begun_at = refund.sent_at or refund.created_at
    return Ours("refund", refund.uuid.hex, refund.external_id, refund.order_id, refund.amount_cents, currency, is_done, begun_at)


def _of_second(refund: Refund) -> Ours:
    """The second payment of an order, known by the refund that gives it back."""
    return Ours("payment", "", refund.charge_id, refund.order_id, refund.amount_cents, refund.order.currency, True, refund.created_at)
