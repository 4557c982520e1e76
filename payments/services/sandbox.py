"""The payer's side of the sandbox gateway (demo mode only)."""

from __future__ import annotations

import datetime as dt
import re
from uuid import UUID

from django.conf import settings

from config.kernel.ids import parse_uuid
from payments.exceptions import PaymentNotFound, SandboxDecided
from payments.gateways.sandbox import telling
from payments.gateways.sandbox.books import decide
from payments.models import Order, SandboxPayment
from payments.services.catalogue import terms_of_amount
from payments.services.notice import notice_receive
from payments.services.order import order_create

OUTCOMES = ("paid", "failed", "cancelled")
COUNT = re.compile(r"\d{1,18}", re.ASCII)
NUMBER = re.compile(r"[RM]\d{8}(\d{7,18})", re.ASCII)


def sandbox_payment(payment_id: UUID | str) -> SandboxPayment:
    """One checkout of the sandbox, by what any contract calls its order: UUID, integer or number.

    Raises PaymentNotFound, always outside demo mode.
    """
    number = _uuid_of(str(payment_id)) if settings.DEMO else None
    payment = SandboxPayment.objects.filter(id=number).first() if number else None
    if payment is None:
        raise PaymentNotFound()
    return payment


def sandbox_pay(*, payment_id: UUID | str, outcome: str, at: dt.datetime) -> SandboxPayment:
    """The payer's decision is entered, and the platform is told by the channel's own signed notice; the same again sends it again.

    `outcome` is paid, failed or cancelled. Raises PaymentNotFound, SandboxDecided (it ended otherwise before).
    """
    payment = sandbox_payment(payment_id)
    state = SandboxPayment.State(outcome)
    decide(payment.id, state, at)
    payment.refresh_from_db()
    if payment.state != state:
        raise SandboxDecided(outcome=payment.state)
    sandbox_tell(telling.of_payment(payment), at)
    return payment


def sandbox_purchase(*, user_id: int, amount_cents: int, idempotency_key: str, at: dt.datetime, contract: str = "video") -> Order:
    """The user has bought credits at the base rate with the sandbox's money, once for each key: how demo balances come to be."""
    terms = terms_of_amount(contract=contract, amount_cents=amount_cents)
    order = order_create(user_id=user_id, terms=terms, channel=Order.Channel.SANDBOX, idempotency_key=idempotency_key, at=at)
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=at)
    order.refresh_from_db()
    return order


def sandbox_tell(told: telling.Told, at: dt.datetime) -> None:
    """The notices arrive at the platform's inbox, as if they came over the network."""
    for source, raw in told:
        notice_receive(source=source, body=raw.body, headers=raw.headers, at=at)


def _uuid_of(payment_id: str) -> UUID | None:
    """The UUID of the order that a contract calls so."""
    match = NUMBER.fullmatch(payment_id)
    count = match[1] if match else payment_id
    if not COUNT.fullmatch(count):
        return parse_uuid(payment_id)
    order = Order.objects.filter(pk=int(count)).first()
    return order.uuid if order and (match is None or order.number == payment_id) else None
