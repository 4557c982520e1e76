"""What gateways tell about refunds by themselves: ours, those made at their own consoles, and charges that come twice."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from payments.gateways.base import Outcome, RefundOutcome, RefundStanding, Standing
from payments.locks import order_lock
from payments.models import Order, Refund
from payments.selectors.refund import going_cents, unnamed_refund
from payments.services.alarm import alarm_raise
from payments.services.evidence import order_of_standing, stranger, unfit, unpaid
from payments.services.refund_settle import money_book, refund_made_elsewhere, refund_settle
from payments.services.refund_terms import refundable_of
from payments.services.verdict import Verdict, notice_decide, verdict_alarm
from payments.states import PAID, NoticeFate, RefundState


def refund_heard(standing: RefundStanding, *, source: str, notice_id: int | None = None, at: dt.datetime) -> Verdict:
    """What a proven notice says about a refund is done once, and the notice's fate written in the same transaction.

    A refund that we did not make is entered as made at the gateway; its credits are taken back, what is missing is owed.
    Locks the order, the refund, then the wallet and the event head. Raises DatabaseUnavailable.
    """
    order_id = order_of_standing(standing, source)
    with transaction.atomic():
        order = order_lock(order_id) if order_id else None
        verdict = _heard(order, standing, source, notice_id, at) if order else stranger(standing)
        if notice_id is not None and verdict.fate != NoticeFate.RECEIVED:
            notice_decide(notice_id, verdict, order, at)
        subject = f"order:{order.uuid if order else standing.order_uuid}"
        verdict_alarm(verdict, subject=subject, text=_text(standing, source), at=at)
    return verdict


def refund_duplicate(*, order_id: int, standing: Standing, at: dt.datetime) -> Refund | None:
    """A second charge of a paid order is on its way back, whole; order and credits stay as they are. None: it is no such thing.

    Booked in and out against `refunds`; an alarm tells operators. `refund_send` or the sweep sends it. Locks the order.
    """
    with transaction.atomic():
        order = order_lock(order_id)
        if not _is_second_charge(order, standing):
            return None
        key = f"duplicate:{standing.charge_id}"[:255]
        found = Refund.objects.filter(order=order, idempotency_key=key).first()
        return found or _sent_back(order, standing, key, at)


def _heard(order: Order, standing: RefundStanding, source: str, notice_id: int | None, at: dt.datetime) -> Verdict:
    refund = _known(order, standing)
    if refund is not None:
        return refund_settle(refund, standing, source=source, at=at)
    verdict = unfit(order, standing, source=source)
    if verdict is not None:
        return verdict
    refund = _named(order, standing, at)
    if refund is not None:
        verdict = refund_settle(refund, standing, source=source, at=at)
        return Verdict(verdict.fate, verdict.reason or "known by the total")
    if standing.outcome != RefundOutcome.SUCCEEDED:
        return Verdict(NoticeFate.IGNORED, "not ours, and no money has moved")
    return unpaid(order, notice_id, at) or _made_elsewhere(order, standing, at)


def _known(order: Order, standing: RefundStanding) -> Refund | None:
    """Our row of the refund, locked: by our number, else by the gateway's."""
    rows = Refund.objects.select_for_update().filter(order=order)
    refund = rows.filter(uuid=standing.refund_uuid).first() if standing.refund_uuid else None
    if refund is None and standing.external_id:
        refund = rows.filter(external_id=standing.external_id).first()
    if refund is not None:
        refund.order = order
    return refund


def _made_elsewhere(order: Order, standing: RefundStanding, at: dt.datetime) -> Verdict:
    """Money went back that we did not send. A running total speaks of all refunds, so only what is above ours is news."""
    total = standing.refunded_total_cents
    cents = standing.amount_cents if total is None else total - going_cents(order)
    if total is not None and cents <= 0:
        return Verdict(NoticeFate.SUPERSEDED)
    if not 0 < cents <= order.amount_cents - order.refunded_cents:
        return Verdict(NoticeFate.REFUSED, "another amount")
    is_beyond = cents > refundable_of(order, at).amount_cents
    refund_made_elsewhere(order, standing, cents, is_beyond=is_beyond, at=at)
    return Verdict(NoticeFate.RECORDED, "made at the gateway")


def _named(order: Order, standing: RefundStanding, at: dt.datetime) -> Refund | None:
    """The refund that a total told of before, with its name now; one that is a part of that is split off. Nothing moves."""
    ended = standing.outcome in (RefundOutcome.SUCCEEDED, RefundOutcome.FAILED)
    known = unnamed_refund(order, standing.amount_cents) if ended and standing.external_id and standing.amount_cents > 0 else None
    if known is None:
        return None
    if known.amount_cents > standing.amount_cents:
        known = _split(known, standing.amount_cents, at)
    known.order, known.external_id, known.updated_at = order, standing.external_id, at
    known.save(update_fields=["external_id", "updated_at"])
    return known


def _split(whole: Refund, cents: int, at: dt.datetime) -> Refund:
    """A part of the refund as a row of its own. What was taken for the whole cannot be given back in one any more, only as credits."""
    part = Refund(order=whole.order, origin=whole.origin, status=RefundState.SUCCEEDED, amount_cents=cents)
    for name in ("value_cents", "paid_credits", "bonus_credits"):
        share = getattr(whole, name) * cents // whole.amount_cents
        setattr(part, name, share)
        setattr(whole, name, getattr(whole, name) - share)
    whole.amount_cents -= cents
    whole.takeback_id = None
    whole.save()
    part.idempotency_key = str(part.uuid)
    part.created_at, part.updated_at, part.settled_at = whole.created_at, at, whole.settled_at
    part.save()
    return part


def _is_second_charge(order: Order, standing: Standing) -> bool:
    same = (standing.order_uuid, standing.amount_cents, standing.currency) == (order.uuid, order.amount_cents, order.currency)
    is_other = "" not in (order.charge_id, standing.charge_id) and standing.charge_id != order.charge_id
    return same and is_other and standing.outcome == Outcome.PAID and order.status in PAID


def _sent_back(order: Order, standing: Standing, key: str, at: dt.datetime) -> Refund:
    refund = Refund.objects.create(
        order=order,
        origin=Refund.Origin.DUPLICATE,
        status=RefundState.SENDING,
        amount_cents=order.amount_cents,
        value_cents=order.value_cents,
        charge_id=standing.charge_id,
        idempotency_key=key,
        created_at=at,
        updated_at=at,
        ask_after=at,
    )
    money_book(refund, order.value_cents, "in", at)
    text = f"The payer was charged twice; the second charge {standing.charge_id} is being sent back."
    alarm_raise(kind="paid_twice", subject=f"order:{order.uuid}", text=text, at=at)
    return refund


def _text(standing: RefundStanding, source: str) -> str:
    """What the notice says, for operators: numbers only."""
    money = f"{standing.amount_cents / 100:,.2f} {standing.currency}"
    return f"{source}, refund {standing.external_id} of {money}, {standing.outcome}, charge {standing.charge_id}"
