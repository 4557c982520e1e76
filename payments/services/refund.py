"""Refunds: asked for by buyers, decided by operators, sent to gateways, and heard of from them."""

from __future__ import annotations

import datetime as dt
import logging
from uuid import UUID

from django.db import transaction

from accounts.exceptions import IdempotencyConflict
from accounts.models import User
from accounts.services.event import event_append
from config.kernel.ids import public_uuid
from credits.exceptions import RefundExceedsUnspent
from payments.exceptions import DecisionRefused, OrderDisputed, PaymentNotFound, RefundNotFound, RefundOpen, RefundTooLarge
from payments.locks import order_lock, refund_lock
from payments.models import Order, Refund
from payments.selectors.dispute import is_disputed
from payments.selectors.order import order_of
from payments.selectors.refund import UNDECIDED, refund_is_open
from payments.services.refund_heard import refund_duplicate, refund_heard
from payments.services.refund_send import refund_ask_due, refund_send
from payments.services.refund_settle import event_payload, refund_move, refund_take
from payments.services.refund_terms import refundable_of, rest_cents
from payments.states import PAID, RefundState

__all__ = [
    "refund_approve",
    "refund_ask_due",
    "refund_create",
    "refund_duplicate",
    "refund_heard",
    "refund_reject",
    "refund_request",
    "refund_send",
]
log = logging.getLogger(__name__)


def refund_request(*, user_id: int, order_uuid: UUID | None, reason: str, amount_cents: int | None = None, at: dt.datetime) -> Refund:
    """The buyer's wish stands in the operators' queue; without an amount it is for all that is unspent. Nothing moves yet.

    Locks the order, then the event head. Raises PaymentNotFound, RefundOpen, OrderDisputed, RefundTooLarge (also: nothing is unspent).
    """
    with transaction.atomic():
        order = order_lock(order_of(user_id=user_id, order_uuid=order_uuid).pk)
        cents = refundable_of(order, at).amount_cents if amount_cents is None else amount_cents
        _check(order, cents)
        refund = _placed(order, cents, Refund.Origin.USER, str(public_uuid()), at, user_reason=reason.strip()[:500])
        event_append(user_id=user_id, kind="refund.requested", payload=event_payload(refund), at=at)
    return refund


def refund_create(*, order_id: int, operator: User, amount_cents: int, reason: str, idempotency_key: str, at: dt.datetime) -> Refund:
    """An operator refunds an order: SENDING (call `refund_send` next, outside any transaction), or WAITING for a second operator.

    The same key and amount give the same refund again. Locks the order, then the wallet. Raises PaymentNotFound, RefundOpen,
    OrderDisputed, RefundTooLarge, DecisionRefused, IdempotencyConflict.
    """
    with transaction.atomic():
        order = order_lock(order_id)
        found = Refund.objects.filter(order=order, idempotency_key=idempotency_key).first()
        if found is not None:
            if found.amount_cents != amount_cents:
                raise IdempotencyConflict()
            return found
        _check(order, amount_cents)
        refund = _placed(order, amount_cents, Refund.Origin.OPERATOR, idempotency_key, at)
        _first_yes(refund, operator, reason, at)
    return refund


def refund_approve(*, refund_id: int, operator: User, reason: str, at: dt.datetime, amount_cents: int | None = None) -> Refund:
    """The operator's yes: SENDING with its credits taken back (call `refund_send` next, outside any transaction), or WAITING.

    More than is unspent waits for a second, different operator; what is missing then is owed. The first one may set another amount.
    Locks the order, the refund, then the wallet. Raises RefundNotFound, DecisionRefused, OrderDisputed, RefundTooLarge.
    """
    with transaction.atomic():
        refund = _locked(refund_id)
        if refund.status == RefundState.WAITING:
            _second_yes(refund, operator, reason, amount_cents, at)
            return refund
        cents = refund.amount_cents if amount_cents is None else amount_cents
        _check_money(refund.order, cents)
        if cents != refund.amount_cents:
            refund.amount_cents = cents
            refund.save(update_fields=["amount_cents"])
        _first_yes(refund, operator, reason, at)
    return refund


def refund_reject(*, refund_id: int, operator: User, answer: str, at: dt.datetime) -> Refund:
    """The operator's no; the buyer is told `answer`.

    Locks the order, the refund, then the event head. Raises RefundNotFound, DecisionRefused.
    """
    if not answer.strip():
        raise DecisionRefused(reason="the buyer must be told why")
    with transaction.atomic():
        refund = _locked(refund_id)
        _check_operator(refund.order, operator)
        who = "first_operator" if refund.first_operator_id in (None, operator.pk) else "second_operator"
        refund_move(refund, RefundState.REJECTED, at=at, answer=answer.strip()[:200], settled_at=at, **{who: operator})
    return refund


def _placed(order: Order, cents: int, origin: Refund.Origin, key: str, at: dt.datetime, **more: str) -> Refund:
    facts = {"amount_cents": cents, "idempotency_key": key[:255], "created_at": at, "updated_at": at, **more}
    return Refund.objects.create(order=order, origin=origin, status=RefundState.REQUESTED, **facts)


def _locked(refund_id: int) -> Refund:
    """The refund that still waits for operators, locked with its order."""
    try:
        refund = refund_lock(refund_id)
    except PaymentNotFound as error:
        raise RefundNotFound() from error
    if refund.status not in UNDECIDED:
        raise DecisionRefused(reason=f"it is {refund.status}")
    return refund


def _first_yes(refund: Refund, operator: User, reason: str, at: dt.datetime) -> None:
    """Within what is unspent one operator is enough; a wallet that was emptied meanwhile makes it a case for two."""
    said = _check_decision(refund.order, operator, reason)
    if refund.amount_cents <= refundable_of(refund.order, at).amount_cents:
        try:
            with transaction.atomic():
                refund_take(refund, may_owe=False, at=at, first_operator=operator, reason=said)
            return
        except RefundExceedsUnspent:
            log.info("refund %s: the wallet was emptied meanwhile", refund.uuid)
    refund_move(refund, RefundState.WAITING, at=at, first_operator=operator, reason=said, is_beyond_unspent=True)


def _second_yes(refund: Refund, operator: User, reason: str, amount_cents: int | None, at: dt.datetime) -> None:
    said = _check_decision(refund.order, operator, reason)
    if operator.pk == refund.first_operator_id:
        raise DecisionRefused(reason="you have approved it already; it is more than is unspent, so another operator is needed")
    if amount_cents not in (None, refund.amount_cents):
        raise DecisionRefused(reason="the first operator has approved another amount: reject it, and begin anew")
    _check_money(refund.order, refund.amount_cents)
    both = f"{refund.reason}; {said}"[:200]
    refund_take(refund, may_owe=True, at=at, second_operator=operator, reason=both)


def _check(order: Order, cents: int) -> None:
    """The order can be refunded by so much, and nobody does so already."""
    if refund_is_open(order):
        raise RefundOpen()
    _check_money(order, cents)


def _check_money(order: Order, cents: int) -> None:
    if order.status in PAID and is_disputed(order.pk):
        raise OrderDisputed()
    most = rest_cents(order)
    if not 0 < cents <= most:
        raise RefundTooLarge(most_cents=most)


def _check_decision(order: Order, operator: User, reason: str) -> str:
    _check_operator(order, operator)
    if not reason.strip():
        raise DecisionRefused(reason="say why: the reason is kept with the refund")
    return reason.strip()[:200]


def _check_operator(order: Order, operator: User) -> None:
    if operator.pk == order.user_id:
        raise DecisionRefused(reason="nobody decides about their own payment")
