"""The one function that turns a proven payment into credits, whoever calls it."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from dataclasses import dataclass

from django.db import transaction

from config.kernel.sql import fetch_one
from payments.gateways.base import Outcome, Standing
from payments.locks import order_lock
from payments.models import Notice, Order
from payments.services.life import order_move
from payments.states import PAID, NoticeFate, OrderState

log = logging.getLogger(__name__)
SETTLE = """
SELECT * FROM credits_order_settle(
    %s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::bigint, %s::text, %s::bigint, %s::text, %s::timestamptz)
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the evidence, and why."""

    fate: NoticeFate
    reason: str = ""


def fulfil(*, order_id: int, evidence: Standing, at: dt.datetime, notice_id: int | None = None) -> Verdict:
    """The order is settled and its credits are in the wallet, once for ever, or it is untouched and the verdict says why.

    `evidence` is what the gateway itself says (a proven notice, an answer to our question). Locks the order, then the wallet,
    then the event log; order, postings, event `order.settled` and the notice's fate are one transaction. Late money of an
    order that ended without it is honoured. Raises PaymentNotFound, DatabaseUnavailable.
    """
    with transaction.atomic():
        order = order_lock(order_id)
        verdict = judge(order, evidence)
        if verdict is None and order.status in PAID:
            verdict = Verdict(NoticeFate.SUPERSEDED, "already settled")
        elif verdict is None:
            _settle(order, evidence, at)
            verdict = Verdict(NoticeFate.FULFILLED)
        if notice_id is not None:
            notice_decide(notice_id, verdict, order, at)
    if verdict.fate == NoticeFate.REFUSED:
        log.error("payment evidence refused: order %s, %s", order.uuid, verdict.reason)
    return verdict


def judge(order: Order, evidence: Standing) -> Verdict | None:
    """None if the evidence speaks of exactly this order and its money; otherwise the refusal."""
    faults = {
        "another order": evidence.order_uuid != order.uuid,
        "another checkout": bool(order.external_id) and evidence.external_id != order.external_id,
        "another currency": evidence.outcome == Outcome.PAID and evidence.currency != order.currency,
        "another amount": evidence.outcome == Outcome.PAID and evidence.amount_cents != order.amount_cents,
    }
    found = next((reason for reason, is_fault in faults.items() if is_fault), None)
    return Verdict(NoticeFate.REFUSED, found) if found else None


def notice_decide(notice_id: int, verdict: Verdict, order: Order | None, at: dt.datetime) -> bool:
    """The notice's fate is `verdict`; False if it was decided before (another delivery was faster)."""
    waiting = Notice.objects.filter(pk=notice_id, fate=NoticeFate.RECEIVED)
    return waiting.update(fate=verdict.fate, reason=verdict.reason, order=order, decided_at=at) == 1


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


def settle_arguments(order: Order, at: dt.datetime) -> tuple[object, ...]:
    """The arguments of `credits_order_settle`: the key is the order's own number, so a second posting is impossible."""
    number = str(order.uuid)
    cash = Order.Channel.SANDBOX if order.is_sandbox else order.channel
    credit = (order.paid_credits, order.bonus_credits, str(cash), order.value_cents, order.bonus_source)
    digest = hashlib.sha256(f"{number}:{credit}".encode()).digest()
    return (order.user_id, f"order:{number}", digest, number, *credit, at)
