"""Refunds at the gateways: sent under their own number, asked about until they are over. Never inside a transaction."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction

from config.kernel.errors import NotConfigured
from payments.gateways.base import Gateway, RefundOutcome, RefundRequest, RefundStanding, Rejected, Temporary
from payments.gateways.registry import gateway_of
from payments.locks import refund_lock
from payments.models import Refund
from payments.services.alarm import alarm_raise
from payments.services.refund_settle import refund_settle
from payments.services.verdict import verdict_alarm
from payments.states import RefundState

log = logging.getLogger(__name__)
ASK_AGAIN = dt.timedelta(minutes=10)
STUCK_AFTER = {RefundState.SENDING: dt.timedelta(hours=24), RefundState.PROCESSING: dt.timedelta(days=10)}
"""After so long somebody is told: banks take days, gateways do not."""


def refund_send(*, refund_id: int, at: dt.datetime) -> Refund:
    """The gateway has been told of the refund, once however often this is called, and what it said is done.

    No answer: it stays SENDING and is asked about in 10 minutes. Outside any transaction.
    """
    refund = _claimed(refund_id, at)
    if refund.status == RefundState.SENDING:
        _spoken(refund, at, is_new=True)
        refund.refresh_from_db()
    return refund


def refund_ask_due(*, at: dt.datetime, limit: int = 100) -> int:
    """Refunds whose turn it is were looked up at their gateways, unknown ones sent again under the same number; how many are over."""
    due = Refund.objects.filter(status__in=list(STUCK_AFTER), ask_after__lte=at).order_by("ask_after")
    return sum(_asked(refund_id, at) for refund_id in due.values_list("pk", flat=True)[:limit])


def request_of(refund: Refund) -> RefundRequest:
    """The refund as its gateway needs it: the same for the same refund, so that a repeat is a replay."""
    order = refund.order
    return RefundRequest(
        refund.uuid,
        order.uuid,
        order.external_id,
        refund.charge_id or order.charge_id,
        refund.amount_cents,
        order.amount_cents,
        order.currency,
    )


def _claimed(refund_id: int, at: dt.datetime) -> Refund:
    """The refund; while it is being sent, the time of its first sending is kept and nobody asks about it for a while."""
    sending = Refund.objects.filter(pk=refund_id, status=RefundState.SENDING)
    sending.filter(sent_at=None).update(sent_at=at)
    sending.update(ask_after=at + ASK_AGAIN)
    return Refund.objects.select_related("order").get(pk=refund_id)


def _asked(refund_id: int, at: dt.datetime) -> bool:
    try:
        was_sent = Refund.objects.filter(pk=refund_id, sent_at__isnull=False).exists()
        refund = _claimed(refund_id, at)
        _spoken(refund, at, is_new=not was_sent)
        refund.refresh_from_db()
    except Exception:
        log.exception("refund %s cannot be asked about", refund_id)
        return False
    if refund.status not in STUCK_AFTER:
        return True
    _wait(refund, at)
    return False


def _spoken(refund: Refund, at: dt.datetime, *, is_new: bool) -> None:
    """The gateway's word is done; silence, and a question that it refuses, change nothing."""
    request = request_of(refund)
    try:
        gateway = gateway_of(refund.order)
        standing = _made(gateway, request) if is_new else gateway.refund_query(request)
        if standing.outcome == RefundOutcome.NONE and refund.status == RefundState.SENDING:
            standing = _made(gateway, request)
    except (Temporary, Rejected, NotConfigured) as error:
        log.warning("refund %s: no answer (%s)", refund.uuid, type(error).__name__)
    else:
        _answered(refund.pk, standing, at)


def _made(gateway: Gateway, request: RefundRequest) -> RefundStanding:
    """The gateway's answer to the refund; its refusal is one."""
    try:
        return gateway.refund(request)
    except Rejected as error:
        return RefundStanding(RefundOutcome.FAILED, request.refund_uuid, request.order_uuid, text=str(error))


def _answered(refund_id: int, standing: RefundStanding, at: dt.datetime) -> None:
    with transaction.atomic():
        refund = refund_lock(refund_id)
        verdict = refund_settle(refund, standing, source=refund.order.channel, at=at)
        text = f"the gateway's answer speaks of {standing.amount_cents} {standing.currency}, refund {standing.external_id}"
        verdict_alarm(verdict, subject=f"refund:{refund.uuid}", text=text, at=at)


def _wait(refund: Refund, at: dt.datetime) -> None:
    """It is asked about again later; after too long it is somebody's business."""
    state = RefundState(refund.status)
    pause = ASK_AGAIN if state == RefundState.SENDING else dt.timedelta(hours=1)
    Refund.objects.filter(pk=refund.pk, status=state).update(ask_after=at + pause)
    since = refund.sent_at or refund.created_at
    if at - since > STUCK_AFTER[state]:
        money = f"{refund.amount_cents / 100:,.2f} {refund.order.currency}"
        text = f"{money} are {state} since {since:%Y-%m-%d %H:%M} UTC, and the gateway does not say more."
        alarm_raise(kind="refund_stuck", subject=f"refund:{refund.uuid}", text=text, at=at)
