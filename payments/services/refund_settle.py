"""How a refund ends: credits taken and given back, money booked, the order's sums. All under the order's and the refund's lock."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from accounts.services.event import event_append
from config.kernel.ids import public_uuid
from credits.services.money import money_move
from credits.services.takeback import takeback, takeback_restore
from credits.services.wallet import grant
from payments.gateways.base import RefundOutcome, RefundStanding
from payments.models import Order, Refund
from payments.selectors.refund import returned_cents
from payments.services.alarm import alarm_raise
from payments.services.evidence import unfit
from payments.services.life import event_payload as order_payload
from payments.services.life import order_move
from payments.services.refund_terms import balance_credits_of, is_last_of, share_of, value_of
from payments.services.subscription import subscription_cancel, subscription_restore
from payments.services.verdict import Verdict
from payments.states import REFUND_EDGES, NoticeFate, OrderState, RefundState, before

EVENTS = {RefundState.REJECTED: "refund.rejected", RefundState.FAILED: "refund.failed"}
ASK_FIRST = dt.timedelta(minutes=2)
"""A refund that nobody sent right after its approval is sent by the sweep after so long."""
ASK_LATER = dt.timedelta(hours=1)
"""A refund that the gateway works on is asked about again after so long, if it does not tell by itself."""


def refund_move(refund: Refund, to: RefundState, *, at: dt.datetime, **changes: Any) -> bool:
    """The refund is in `to`, with `changes` and the event, in one transaction; False when it was no longer in a state that leads there."""
    with transaction.atomic(savepoint=False):
        allowed = sorted(before(to, REFUND_EDGES))
        facts = {"status": to, "updated_at": at, **changes}
        if not Refund.objects.filter(pk=refund.pk, status__in=allowed).update(**facts):
            return False
        for name, value in facts.items():
            setattr(refund, name, value)
        if to in EVENTS and refund.origin != Refund.Origin.DUPLICATE:
            event_append(user_id=refund.order.user_id, kind=EVENTS[to], payload=event_payload(refund), at=at)
    return True


def event_payload(refund: Refund) -> dict[str, Any]:
    """What an event says about a refund: numbers and names only."""
    return {
        "refund_id": str(refund.uuid),
        "order_id": str(refund.order.uuid),
        "status": str(refund.status),
        "amount_cents": refund.amount_cents,
        "currency": refund.order.currency,
    }


def cash_of(order: Order) -> str:
    """Under which name the order's money is in the books."""
    return str(Order.Channel.SANDBOX) if order.is_sandbox else order.channel


def refund_take(refund: Refund, *, may_owe: bool, at: dt.datetime, **changes: Any) -> None:
    """The refund's credits are taken back and it is on its way to the gateway; one paid from the balance is over at once.

    Locks the wallet. Raises RefundExceedsUnspent (not with `may_owe`).
    """
    order = refund.order
    if order.channel == Order.Channel.BALANCE:
        _give_credits(refund, at, changes)
        return
    paid, bonus = share_of(order, refund.amount_cents)
    taken = _taken(refund, paid, bonus, may_owe, at)
    facts = {"paid_credits": paid, "bonus_credits": bonus, "takeback_id": taken, "ask_after": at + ASK_FIRST, **changes}
    refund_move(refund, RefundState.SENDING, at=at, is_last=_ended(order, refund.amount_cents, at), **facts)


def refund_settle(refund: Refund, standing: RefundStanding, *, source: str, at: dt.datetime) -> Verdict:
    """What the gateway says about the locked refund is done, once, whatever was said before; the verdict says what became of it."""
    verdict = _judged(refund, standing, source)
    if verdict is not None:
        return verdict
    match standing.outcome:
        case RefundOutcome.PROCESSING:
            number = standing.external_id or refund.external_id
            moved = refund_move(refund, RefundState.PROCESSING, at=at, external_id=number, ask_after=at + ASK_LATER)
        case RefundOutcome.SUCCEEDED:
            moved = _succeeded(refund, standing, at)
        case RefundOutcome.FAILED:
            moved = refund_fail(refund, standing.text or "The payment service could not pay it back.", at=at)
        case _:
            return Verdict(NoticeFate.IGNORED)
    return Verdict(NoticeFate.RECORDED if moved else NoticeFate.SUPERSEDED)


def refund_fail(refund: Refund, text: str, *, at: dt.datetime) -> bool:
    """The locked refund has failed: its credits are back, and its money too if it was booked as gone. False: it was over before."""
    was_done = refund.status == RefundState.SUCCEEDED
    if refund.status not in before(RefundState.FAILED, REFUND_EDGES):
        return False
    if was_done:
        money_book(refund, refund.value_cents, "back", at)
    _restore(refund, at)
    if refund.is_last:
        subscription_restore(refund.order, at=at)
    refund_move(refund, RefundState.FAILED, at=at, failure=text[:200], settled_at=at, ask_after=None)
    is_duplicate = refund.origin == Refund.Origin.DUPLICATE
    if was_done and not is_duplicate:
        order_sum(refund.order, at)
    if was_done or is_duplicate:
        said = f"A refund of {refund.amount_cents} {refund.order.currency} failed after it was called done, or cannot be sent: {text}"
        alarm_raise(kind="refund_failed", subject=f"refund:{refund.uuid}", text=f"{said} The money is still here.", at=at)
    return True


def refund_made_elsewhere(order: Order, standing: RefundStanding, amount_cents: int, *, is_beyond: bool, at: dt.datetime) -> Refund:
    """A refund made at the gateway's own console stands here too, done; its credits are taken back, what is missing is owed."""
    paid, bonus = share_of(order, amount_cents)
    value, is_last = value_of(order, amount_cents), _ended(order, amount_cents, at)
    refund = Refund.objects.create(
        order=order,
        origin=Refund.Origin.GATEWAY,
        status=RefundState.SUCCEEDED,
        amount_cents=amount_cents,
        value_cents=value,
        paid_credits=paid,
        bonus_credits=bonus,
        is_beyond_unspent=is_beyond,
        is_last=is_last,
        external_id=standing.external_id,
        idempotency_key=str(public_uuid()),
        created_at=at,
        updated_at=at,
        settled_at=at,
    )
    refund.takeback_id = _taken(refund, paid, bonus, True, at)
    refund.save(update_fields=["takeback_id"])
    _done(refund, at)
    return refund


def order_sum(order: Order, at: dt.datetime) -> None:
    """The locked order says how much of its money went back, by refunds and lost disputes; its state and the event follow."""
    cents = returned_cents(order)
    to = OrderState.PARTIAL_REFUNDED if cents else OrderState.SUCCEEDED
    to = OrderState.REFUNDED if cents == order.amount_cents else to
    if to != order.status:
        order_move(order, to, at=at, refunded_cents=cents)
    elif cents != order.refunded_cents:
        Order.objects.filter(pk=order.pk).update(refunded_cents=cents, updated_at=at)
        order.refunded_cents = cents
        event_append(user_id=order.user_id, kind="order.refunded", payload=order_payload(order), at=at)


def order_taken(order: Order, paid: int, bonus: int, at: dt.datetime) -> None:
    """The locked order's sums of credits taken back are changed by so many."""
    order.taken_paid, order.taken_bonus = order.taken_paid + paid, order.taken_bonus + bonus
    Order.objects.filter(pk=order.pk).update(taken_paid=order.taken_paid, taken_bonus=order.taken_bonus, updated_at=at)


def money_book(refund: Refund, value_cents: int, step: str, at: dt.datetime) -> None:
    """Money of the refund is booked against `refunds`: in (positive) or out, once for each step."""
    if value_cents:
        order, key = refund.order, f"refund:{refund.uuid.hex}:{step}"
        money_move(
            user_id=order.user_id, key=key, ref=_ref(refund), channel=cash_of(order), amount_cents=value_cents, account="refunds", at=at
        )


def _judged(refund: Refund, standing: RefundStanding, source: str) -> Verdict | None:
    verdict = unfit(refund.order, standing, source=source, charge_id=refund.charge_id)
    if verdict is not None:
        return verdict
    tells_amount = standing.outcome == RefundOutcome.SUCCEEDED or standing.amount_cents
    if tells_amount and standing.outcome != RefundOutcome.NONE and standing.amount_cents != refund.amount_cents:
        return Verdict(NoticeFate.REFUSED, "another amount")
    others = Refund.objects.filter(order=refund.order, external_id=standing.external_id).exclude(pk=refund.pk)
    return Verdict(NoticeFate.REFUSED, "another refund") if standing.external_id and others.exists() else None


def _succeeded(refund: Refund, standing: RefundStanding, at: dt.datetime) -> bool:
    if refund.status not in before(RefundState.SUCCEEDED, REFUND_EDGES):
        return False
    if refund.origin != Refund.Origin.DUPLICATE:
        refund.value_cents = value_of(refund.order, refund.amount_cents)
    facts = {"value_cents": refund.value_cents, "external_id": standing.external_id or refund.external_id}
    refund_move(refund, RefundState.SUCCEEDED, at=at, settled_at=at, ask_after=None, failure="", **facts)
    _done(refund, at)
    return True


def _done(refund: Refund, at: dt.datetime) -> None:
    """The money has left: booked, and seen on the order."""
    money_book(refund, -refund.value_cents, "out", at)
    if refund.origin != Refund.Origin.DUPLICATE:
        order_sum(refund.order, at)


def _ended(order: Order, amount_cents: int, at: dt.datetime) -> bool:
    """Whether a subscription ended with this much going back: it cannot be used while the gateway works on it."""
    return is_last_of(order, amount_cents, at) and subscription_cancel(order, at=at)


def _give_credits(refund: Refund, at: dt.datetime, changes: dict[str, Any]) -> None:
    """An order paid from the balance: the credits are back, nothing leaves the house."""
    order, number = refund.order, balance_credits_of(refund.order, refund.amount_cents)
    is_last = _ended(order, refund.amount_cents, at)
    if number:
        key = f"refund:{refund.uuid.hex}:credits"
        grant(user_id=order.user_id, key=key, kind="adjust", ref=_ref(refund), paid=number, source="refunds", at=at)
    refund_move(refund, RefundState.SENDING, at=at, is_last=is_last, **changes)
    refund_move(refund, RefundState.SUCCEEDED, at=at, settled_at=at, ask_after=None)
    _done(refund, at)


def _taken(refund: Refund, paid: int, bonus: int, may_owe: bool, at: dt.datetime) -> int | None:
    """The books' row of what was taken back, None if there was nothing to take."""
    order = refund.order
    if paid + bonus == 0:
        return None
    key = f"refund:{refund.uuid.hex}:take"
    taken = takeback(user_id=order.user_id, key=key, ref=_ref(refund), paid=paid, bonus=bonus, may_owe=may_owe, at=at)
    order_taken(order, paid, bonus, at)
    if taken.shortfall and refund.origin == Refund.Origin.GATEWAY:
        text = f"A refund made at the gateway's console took {taken.shortfall} credits more than the payer had; the wallet owes them."
        alarm_raise(kind="refund_shortfall", subject=f"refund:{refund.uuid}", text=text, at=at)
    return taken.takeback_id


def _restore(refund: Refund, at: dt.datetime) -> None:
    """The credits are given back, in the buckets they came from; of a refund told in parts as new credits of the same kind."""
    order, key = refund.order, f"refund:{refund.uuid.hex}:restore"
    paid, bonus = refund.paid_credits, refund.bonus_credits
    if paid + bonus == 0:
        return
    if refund.takeback_id is not None:
        takeback_restore(takeback_id=refund.takeback_id, key=key, at=at)
    else:
        grant(user_id=order.user_id, key=key, kind="adjust", ref=_ref(refund), paid=paid, bonus=bonus, source="refunds", at=at)
    order_taken(order, -paid, -bonus, at)


def _ref(refund: Refund) -> str:
    return f"refund:{refund.uuid}"
