"""The inbox: prove, store, act, once for each notice."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from psycopg.types.json import Jsonb

from config.kernel.errors import NotConfigured
from config.kernel.sql import fetch_one
from payments.exceptions import NoticeRefused
from payments.gateways.base import (
    DisputeStanding,
    PayoutStanding,
    RawNotice,
    RefundStanding,
    Standing,
    Subject,
    Unproven,
    VerifiedNotice,
)
from payments.gateways.registry import notice_gateway
from payments.models import Notice, Order
from payments.services.alarm import alarm_raise
from payments.services.dispute import dispute_heard
from payments.services.evidence import is_source_of
from payments.services.fulfil import evidence_text
from payments.services.payout import payout_heard
from payments.services.record import SILENT, order_hear
from payments.services.refund_heard import refund_heard
from payments.services.verdict import Verdict, notice_decide, verdict_alarm
from payments.states import NoticeFate

log = logging.getLogger(__name__)
KEPT_HEADERS = ("content-type", "user-agent", "stripe-signature", "sandbox-signature")
KEPT_PREFIX = "wechatpay-"
UNPROVEN_AN_HOUR = 200
UNPROVEN_BODY_BYTES = 4096
UNPROVEN_KEPT = dt.timedelta(days=30)
BROKEN_OFF_AFTER = dt.timedelta(minutes=1)
STUCK_AFTER = dt.timedelta(minutes=10)
STORE = """
INSERT INTO payments_notice (source, external_id, kind, body, headers, received_at, deliveries, fate, reason)
VALUES (%s, %s, %s, %s, %s, %s, 1, 'received', '')
ON CONFLICT (source, external_id) DO UPDATE SET deliveries = payments_notice.deliveries + 1
RETURNING id, fate
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A proven notice is stored; this is what became of it so far."""

    notice_id: int
    fate: NoticeFate


def notice_receive(*, source: str, body: bytes, headers: Mapping[str, str], at: dt.datetime) -> Receipt:
    """The notice is proven, stored once and acted on once, whatever the number of deliveries and their order.

    `headers` with lower-case names. Raises NoticeRefused (not proven: recorded within bounds, nothing moved),
    NotConfigured (the channel is off: the same), DatabaseUnavailable (stored; another delivery or the sweep goes on).
    """
    raw = RawNotice(body, headers)
    try:
        gateway = notice_gateway(source)
        verified = gateway.verify(raw)
    except Unproven as error:
        _record_unproven(source, raw, str(error), at, alarm=error.alarm)
        raise NoticeRefused(reason=str(error)) from error
    except NotConfigured:
        _record_unproven(source, raw, "The channel is not configured.", at, alarm="")
        raise
    stored = _store(source, raw, verified, at)
    if stored.fate != NoticeFate.RECEIVED:
        return Receipt(stored.id, NoticeFate(stored.fate))
    verdict = notice_act(notice_id=stored.id, source=source, subject=verified.subject, at=at)
    if verdict.fate == NoticeFate.FULFILLED:
        return Receipt(stored.id, verdict.fate)
    return Receipt(stored.id, NoticeFate(Notice.objects.values_list("fate", flat=True).get(pk=stored.id)))


def notice_act(*, notice_id: int, source: str, subject: Subject | None, at: dt.datetime) -> Verdict:
    """What the proven notice says is done, and its fate written in the same transaction; what it said became of it."""
    match subject:
        case Standing():
            return _act_on_payment(notice_id, source, subject, at)
        case RefundStanding():
            return refund_heard(subject, source=source, notice_id=notice_id, at=at)
        case DisputeStanding():
            return dispute_heard(subject, source=source, notice_id=notice_id, at=at)
        case PayoutStanding():
            return payout_heard(subject, source=source, notice_id=notice_id, at=at)
        case None:
            verdict = Verdict(NoticeFate.IGNORED)
            notice_decide(notice_id, verdict, None, at)
            return verdict


def notice_act_due(*, at: dt.datetime, limit: int = 100) -> int:
    """Proven notices whose handling broke off over a minute ago are acted on again, the newest first; how many were.

    One that stays undecided for 10 minutes raises an alarm.
    """
    waiting = Notice.objects.filter(fate=NoticeFate.RECEIVED, received_at__lt=at - BROKEN_OFF_AFTER)
    return sum(_acted_again(notice, at) for notice in waiting.order_by("-received_at")[:limit])


def notice_sweep(*, at: dt.datetime) -> int:
    """Unproven notices older than 30 days are gone; how many were."""
    deleted, _ = Notice.objects.filter(fate=NoticeFate.UNPROVEN, received_at__lt=at - UNPROVEN_KEPT).delete()
    return deleted


def _act_on_payment(notice_id: int, source: str, standing: Standing, at: dt.datetime) -> Verdict:
    known = Order.objects.only("channel", "is_sandbox")
    order = known.filter(uuid=standing.order_uuid).first() if standing.order_uuid else None
    verdict = _dismissal(source, standing, order)
    if verdict is None and order is not None:
        return order_hear(order_id=order.pk, standing=standing, at=at, notice_id=notice_id)
    verdict = verdict or Verdict(NoticeFate.IGNORED)
    notice_decide(notice_id, verdict, order, at)
    verdict_alarm(verdict, subject=f"order:{standing.order_uuid}", text=f"{source}, {evidence_text(standing)}", at=at)
    return verdict


def _dismissal(source: str, standing: Standing, order: Order | None) -> Verdict | None:
    """Why the notice is not acted on, or None if it is."""
    if standing.outcome in SILENT or standing.order_uuid is None:
        return Verdict(NoticeFate.IGNORED)
    if order is None:
        return Verdict(NoticeFate.REFUSED, "unknown order")
    return None if is_source_of(order, source) else Verdict(NoticeFate.REFUSED, "another channel")


def _acted_again(notice: Notice, at: dt.datetime) -> bool:
    try:
        verified = notice_gateway(notice.source).read(bytes(notice.body))
        verdict = notice_act(notice_id=notice.pk, source=notice.source, subject=verified.subject, at=at)
        return verdict.fate != NoticeFate.RECEIVED
    except Exception as error:
        log.exception("notice %s of %s is stuck", notice.external_id, notice.source)
        if at - notice.received_at > STUCK_AFTER:
            text = f"A proven notice of {notice.source} ({notice.kind}) cannot be acted on: {type(error).__name__}."
            alarm_raise(kind="notice_stuck", subject=f"notice:{notice.pk}", text=text, at=at)
        return False


def _store(source: str, raw: RawNotice, verified: VerifiedNotice, at: dt.datetime) -> Any:
    """The notice's one row (id, fate), in one statement; a further delivery only counts."""
    number, kind = (text.replace("\x00", "") for text in (verified.external_id[:255], verified.kind[:80]))
    return fetch_one(STORE, (source, number, kind, raw.body, Jsonb(_kept(raw.headers)), at))


def _record_unproven(source: str, raw: RawNotice, reason: str, at: dt.datetime, *, alarm: str) -> None:
    """Kept to be looked at, under an id of our own, the body cut, no more than so many an hour; one alarm counts those that deserve it."""
    kept = _kept(raw.headers)
    digest = hashlib.sha256(raw.body + repr(kept).encode()).hexdigest()
    log.warning("unproven notice for %s: %s", source, reason)
    recent = Notice.objects.filter(source=source, fate=NoticeFate.UNPROVEN, received_at__gt=at - dt.timedelta(hours=1))
    if recent.count() >= UNPROVEN_AN_HOUR:
        return
    if alarm:
        alarm_raise(kind=alarm, subject=f"source:{source}", text=reason, at=at)
    facts = {
        "body": raw.body[:UNPROVEN_BODY_BYTES],
        "headers": kept,
        "received_at": at,
        "decided_at": at,
        "fate": NoticeFate.UNPROVEN,
        "reason": reason,
    }
    notice, is_new = Notice.objects.get_or_create(source=source, external_id=f"unproven:{digest}", defaults=facts)
    if not is_new:
        Notice.objects.filter(pk=notice.pk).update(deliveries=F("deliveries") + 1)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that prove or describe a notice; never cookies or credentials. NUL does not fit into the database."""
    kept = {name: value for name, value in headers.items() if name in KEPT_HEADERS or name.startswith(KEPT_PREFIX)}
    return {name: value[:1000].replace("\x00", "") for name, value in kept.items()}
