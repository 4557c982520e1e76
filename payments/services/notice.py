"""The inbox: prove, store, act, once for each notice."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from config.kernel.errors import NotConfigured
from payments.exceptions import NoticeRefused
from payments.gateways.base import Outcome, RawNotice, Standing, Unproven, VerifiedNotice
from payments.gateways.registry import notice_gateway
from payments.locks import order_lock
from payments.models import Notice, Order
from payments.services.fulfil import Verdict, fulfil, judge, notice_decide
from payments.services.life import order_move
from payments.states import PAID, NoticeFate, OrderState

log = logging.getLogger(__name__)
KEPT_HEADERS = ("content-type", "user-agent", "stripe-signature", "sandbox-signature")
KEPT_PREFIX = "wechatpay-"
UNPROVEN_AN_HOUR = 200
UNPROVEN_BODY_BYTES = 4096
UNPROVEN_KEPT = dt.timedelta(days=30)
ENDS = {
    Outcome.FAILED: OrderState.FAILED,
    Outcome.CANCELLED: OrderState.CANCELLED,
    Outcome.EXPIRED: OrderState.EXPIRED,
}


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
        _record_unproven(source, raw, str(error), at)
        raise NoticeRefused(reason=str(error)) from error
    except NotConfigured:
        _record_unproven(source, raw, "The channel is not configured.", at)
        raise
    notice = _store(source, raw, verified, at)
    if notice.fate == NoticeFate.RECEIVED:
        notice_act(notice=notice, verified=verified, at=at)
        notice.refresh_from_db(fields=["fate"])
    return Receipt(notice.pk, NoticeFate(notice.fate))


def notice_act(*, notice: Notice, verified: VerifiedNotice, at: dt.datetime) -> None:
    """What the proven notice says is done, and its fate written in the same transaction."""
    standing = verified.subject
    if not isinstance(standing, Standing):
        notice_decide(notice.pk, Verdict(NoticeFate.IGNORED), None, at)
        return
    order = Order.objects.filter(uuid=standing.order_uuid).first() if standing.order_uuid else None
    verdict = _dismissal(notice.source, standing, order)
    if verdict is not None:
        notice_decide(notice.pk, verdict, order, at)
        if verdict.fate == NoticeFate.REFUSED:
            log.error("notice %s of %s refused: %s", notice.external_id, notice.source, verdict.reason)
    elif order is not None and standing.outcome == Outcome.PAID:
        fulfil(order_id=order.pk, evidence=standing, at=at, notice_id=notice.pk)
    elif order is not None:
        _record(order.pk, standing, notice.pk, at)


def notice_act_due(*, at: dt.datetime, limit: int = 100) -> int:
    """Proven notices whose handling broke off over a minute ago are acted on again; how many were."""
    waiting = Notice.objects.filter(fate=NoticeFate.RECEIVED, received_at__lt=at - dt.timedelta(minutes=1)).order_by("received_at")[:limit]
    done = 0
    for notice in waiting:
        try:
            verified = notice_gateway(notice.source).read(bytes(notice.body))
            notice_act(notice=notice, verified=verified, at=at)
            done += 1
        except Exception:
            log.exception("notice %s of %s is stuck", notice.external_id, notice.source)
    return done


def notice_sweep(*, at: dt.datetime) -> int:
    """Unproven notices older than 30 days are gone; how many were."""
    deleted, _ = Notice.objects.filter(fate=NoticeFate.UNPROVEN, received_at__lt=at - UNPROVEN_KEPT).delete()
    return deleted


def source_of(order: Order) -> str:
    """Under which source the notices of an order arrive: its channel's own, or the sandbox's where that has no scheme of the channel."""
    return "sandbox" if order.is_sandbox and order.channel != Order.Channel.STRIPE else order.channel


def _dismissal(source: str, standing: Standing, order: Order | None) -> Verdict | None:
    """Why the notice is not acted on, or None if it is."""
    if standing.outcome in (Outcome.NONE, Outcome.OPEN) or standing.order_uuid is None:
        return Verdict(NoticeFate.IGNORED)
    if order is None:
        return Verdict(NoticeFate.REFUSED, "unknown order")
    if source != source_of(order):
        return Verdict(NoticeFate.REFUSED, "another channel")
    return None


def _record(order_id: int, standing: Standing, notice_id: int, at: dt.datetime) -> None:
    """A notice without money: the order ends or waits for its money, unless it is already further."""
    with transaction.atomic():
        order = order_lock(order_id)
        verdict = judge(order, standing)
        if verdict is None:
            verdict = Verdict(NoticeFate.RECORDED if _moved(order, standing, at) else NoticeFate.SUPERSEDED)
        notice_decide(notice_id, verdict, order, at)


def _moved(order: Order, standing: Standing, at: dt.datetime) -> bool:
    if standing.outcome == Outcome.PROCESSING:
        waiting = Order.objects.filter(pk=order.pk, processing_at=None).exclude(status__in=sorted(PAID))
        return waiting.update(processing_at=at, updated_at=at) == 1
    return order_move(order, ENDS[standing.outcome], at=at, failure=f"The payment service says: {standing.outcome}.")


def _store(source: str, raw: RawNotice, verified: VerifiedNotice, at: dt.datetime) -> Notice:
    """The notice's one row; a further delivery only counts."""
    facts = {"kind": verified.kind, "body": raw.body, "headers": _kept(raw.headers), "received_at": at}
    notice, is_new = Notice.objects.get_or_create(source=source, external_id=verified.external_id, defaults=facts)
    if not is_new:
        Notice.objects.filter(pk=notice.pk).update(deliveries=F("deliveries") + 1)
    return notice


def _record_unproven(source: str, raw: RawNotice, reason: str, at: dt.datetime) -> None:
    """Kept to be looked at, under an id of our own, the body cut, and no more than so many an hour."""
    kept = _kept(raw.headers)
    digest = hashlib.sha256(raw.body + repr(kept).encode()).hexdigest()
    log.warning("unproven notice for %s: %s", source, reason)
    recent = Notice.objects.filter(source=source, fate=NoticeFate.UNPROVEN, received_at__gt=at - dt.timedelta(hours=1))
    if recent.count() >= UNPROVEN_AN_HOUR:
        return
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
