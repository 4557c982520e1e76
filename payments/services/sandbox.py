"""The payer's side of the sandbox gateway (demo mode only)."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.conf import settings

from payments.exceptions import PaymentNotFound, SandboxDecided
from payments.gateways.base import RawNotice
from payments.gateways.sandbox import notices
from payments.gateways.sandbox.gateway import decide, standing_of
from payments.models import Order, SandboxPayment
from payments.services.catalogue import terms_of_amount
from payments.services.notice import notice_receive
from payments.services.order import order_create

OUTCOMES = ("paid", "failed", "cancelled")


def sandbox_payment(payment_id: UUID) -> SandboxPayment:
    """One checkout of the sandbox. Raises PaymentNotFound, always outside demo mode."""
    payment = SandboxPayment.objects.filter(id=payment_id).first() if settings.DEMO else None
    if payment is None:
        raise PaymentNotFound()
    return payment


def sandbox_pay(*, payment_id: UUID, outcome: str, at: dt.datetime) -> SandboxPayment:
    """The payer's decision is entered, and the platform is told by the channel's own signed notice; the same again sends it again.

    `outcome` is paid, failed or cancelled. Raises PaymentNotFound, SandboxDecided (it ended otherwise before).
    """
    payment = sandbox_payment(payment_id)
    state = SandboxPayment.State(outcome)
    decide(payment.id, state, at)
    payment.refresh_from_db()
    if payment.state != state:
        raise SandboxDecided(outcome=payment.state)
    for source, raw in _notices_of(payment):
        notice_receive(source=source, body=raw.body, headers=raw.headers, at=at)
    return payment


def sandbox_purchase(*, user_id: int, amount_cents: int, idempotency_key: str, at: dt.datetime, contract: str = "video") -> Order:
    """The user has bought credits at the base rate with the sandbox's money, once for each key: how demo balances come to be."""
    terms = terms_of_amount(contract=contract, amount_cents=amount_cents)
    order = order_create(user_id=user_id, terms=terms, channel=Order.Channel.SANDBOX, idempotency_key=idempotency_key, at=at)
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=at)
    order.refresh_from_db()
    return order


def _notices_of(payment: SandboxPayment) -> list[tuple[str, RawNotice]]:
    standing = standing_of(payment)
    if payment.channel != Order.Channel.STRIPE:
        return [("sandbox", notices.own(standing))]
    times = {"created_s": int(payment.created_at.timestamp()), "expires_s": int(payment.expires_at.timestamp())}
    return [("stripe", raw) for raw in notices.stripe_events(standing, **times)]
