"""Reads of the inbox, in words for the person who waits for a payment."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from payments.models import Notice, Order
from payments.states import NoticeFate

REASONS = {
    "another amount": gettext_noop("it names another amount"),
    "another currency": gettext_noop("it names another currency"),
    "another order": gettext_noop("it names another order"),
    "another checkout": gettext_noop("it names another checkout"),
    "another charge": gettext_noop("it names another payment"),
    "another channel": gettext_noop("it came from another payment service"),
    "paid twice": gettext_noop("the order was paid a second time: that money goes back"),
    "already settled": gettext_noop("the order was settled before"),
}
"""Reasons that verdicts give → what a user reads."""
OTHER = gettext_noop("it does not fit this order")


@dataclass(frozen=True, slots=True)
class Told:
    """One notice of an order: when we heard it, of what kind, what became of it, and why, in words for people ("": no more to say)."""

    told_at: dt.datetime
    kind: str
    fate: NoticeFate
    reason: str


def notices_of(order: Order) -> list[Told]:
    """What the gateway told about the order, oldest first. The caller has proven whose order it is. One statement."""
    rows = Notice.objects.filter(order=order).order_by("pk").values_list("received_at", "kind", "fate", "reason")[:100]
    return [Told(told_at, kind, NoticeFate(fate), _reason_text(fate, reason)) for told_at, kind, fate, reason in rows]


def _reason_text(fate: str, reason: str) -> str:
    """What an operator's reason is called to the user; a refusal is never without one."""
    if reason in REASONS:
        return _(REASONS[reason])
    return _(OTHER) if fate == NoticeFate.REFUSED else ""
