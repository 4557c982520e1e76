"""The one function that turns a proven payment into what was bought, whoever calls it."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.db import transaction

from config.kernel.sql import fetch_one
from payments.gateways.base import Outcome, Standing
from payments.locks import order_lock
from payments.models import Order
from payments.services.life import order_move
from payments.services.refund_heard import refund_duplicate
from payments.services.subscription import order_effect
from payments.services.verdict import Verdict, notice_decide, verdict_alarm
from payments.states import PAID, NoticeFate, OrderState

__all__ = ["Verdict", "fulfil", "judge", "notice_decide", "settle_arguments"]

SETTLE = """
SELECT * FROM credits_order_settle(
    %s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::bigint, %s::text, %s::bigint, %s::text, %s::timestamptz)
"""


def fulfil(*, order_id: int, evidence: Standing, at: dt.datetime, notice_id: int | None = None) -> Verdict:
    """The order is settled and what it brings is there, once for ever, or it is untouched and the verdict says why.

    `evidence` is what the gateway itself says (a proven notice, an answer to our question). Locks the order, then the wallet,
    then the event log; order, postings, effect, event `order.settled`, the notice's fate and a refusal's alarm are one
    transaction. Late money of an order that ended without it is honoured; a second charge of a paid order is sent back.
    Raises PaymentNotFound, DatabaseUnavailable.
    """
    with transaction.atomic():
        order = order_lock(order_id)
        verdict = judge(order, evidence) or _settled_before(order, evidence, at)
        if verdict is None:
            _settle(order, evidence, at)
            verdict = Verdict(NoticeFate.FULFILLED)
        if notice_id is not None:
            notice_decide(notice_id, verdict, order, at)
        verdict_alarm(verdict, subject=f"order:{order.uuid}", text=evidence_text(evidence), at=at)
    return verdict


def judge(order: Order, evidence: Standing) -> Verdict | None:
    """None if the evidence speaks of exactly this order and its money; otherwise the refusal."""
    faults = {
        "another order": evidence.order_uuid != order.uuid,
        "another checkout": "" not in (order.external_id, evidence.external_id) and evidence.external_id != order.external_id,
        "another currency": evidence.outcome == Outcome.PAID and evidence.currency != order.currency,
        "another amount": evidence.outcome == Outcome.PAID and evidence.amount_cents != order.amount_cents,
    }
    found = next((reason for reason, is_fault in faults.items() if is_fault), None)
    return Verdict(NoticeFate.REFUSED, found) if found else None


def evidence_text(evidence: Standing) -> str:
    """What the evidence says, for operators: numbers only."""
    money = f"{evidence.amount_cents / 100:,.2f} {evidence.currency}"
    return f"order {evidence.order_uuid}, {evidence.outcome}, {money}, checkout {evidence.external_id}, charge {evidence.charge_id}"


def settle_arguments(order: Order, at: dt.datetime) -> tuple[object, ...]:
    """The arguments of `credits_order_settle`: the key is the order's own number, so a second posting is impossible."""
    number = str(order.uuid)
    cash = Order.Channel.SANDBOX if order.is_sandbox else order.channel
    credit = (order.paid_credits, order.bonus_credits, str(cash), order.value_cents, order.bonus_source)
    digest = hashlib.sha256(f"{number}:{credit}".encode()).digest()
    return (order.user_id, f"order:{number}", digest, number, *credit, at)


def _settled_before(order: Order, evidence: Standing, at: dt.datetime) -> Verdict | None:
    """None if the order still waits for its money; the same charge again is old news, another one is money that goes back."""
    if order.status not in PAID:
        return None
    if refund_duplicate(order_id=order.pk, standing=evidence, at=at) is not None:
        return Verdict(NoticeFate.RECORDED, "paid twice")
    return Verdict(NoticeFate.SUPERSEDED, "already settled")


def _settle(order: Order, evidence: Standing, at: dt.datetime) -> None:
    if evidence.outcome != Outcome.PAID:
        raise ValueError(f"{evidence.outcome} is no evidence of a payment")
    row = fetch_one(SETTLE, settle_arguments(order, at))
    order_move(
        order,
        OrderState.SUCCEEDED,
        at=at,
        paid_at=at,
        failure="",
        transaction_id=row.transaction_id,
        external_id=order.external_id or evidence.external_id,
        charge_id=evidence.charge_id,
        bonus_credits=row.bonus,
    )
    order_effect(order, at=at)
