"""Checkouts of the sandbox: kept in its own table, paid on its own page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from config.kernel import clock
from config.kernel.errors import NotConfigured
from payments.gateways.base import Checkout, CheckoutRequest, OrderRef, Outcome, RawNotice, Standing, VerifiedNotice
from payments.gateways.sandbox import notices
from payments.models import Order, SandboxPayment

State = SandboxPayment.State
OUTCOMES = {
    State.OPEN: Outcome.OPEN,
    State.PAID: Outcome.PAID,
    State.FAILED: Outcome.FAILED,
    State.CANCELLED: Outcome.CANCELLED,
    State.CLOSED: Outcome.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class SandboxGateway:
    """The sandbox, serving every channel of demo mode."""

    name: str = "sandbox"
    methods: frozenset[str] = frozenset(Order.Method) - {Order.Method.BALANCE}

    @classmethod
    def configured(cls) -> SandboxGateway:
        """The sandbox. Raises NotConfigured outside demo mode."""
        if not settings.DEMO:
            raise NotConfigured(service="sandbox")
        return cls()

    def create(self, request: CheckoutRequest) -> Checkout:
        """A page at `/sandbox/pay/{payment_id}`; the same one for the same order."""
        payment, _ = SandboxPayment.objects.get_or_create(
            id=request.order_uuid,
            defaults={
                "channel": request.channel,
                "title": request.title,
                "amount_cents": request.amount_cents,
                "currency": request.currency,
                "return_url": request.return_url,
                "created_at": request.created_at,
                "expires_at": request.expires_at,
            },
        )
        url = f"{settings.PUBLIC_BASE_URL}/sandbox/pay/{payment.id}"
        return Checkout(external_id(payment), url, code_url=url if payment.channel == "wechat" else "")

    def verify(self, notice: RawNotice) -> VerifiedNotice:
        """The sandbox's own scheme: HMAC-SHA256 over time and raw body, at most 300 s old."""
        return notices.proven(notice)

    def read(self, body: bytes) -> VerifiedNotice:
        """What a stored notice says."""
        return notices.read(body)

    def query(self, order: OrderRef) -> Standing:
        """Where the payment stands in the sandbox's books."""
        payment = SandboxPayment.objects.filter(id=order.order_uuid).first()
        return standing_of(payment) if payment else Standing(Outcome.NONE, order.order_uuid)

    def close(self, order: OrderRef) -> Standing:
        """An open checkout is closed; one that was paid stays paid."""
        decide(order.order_uuid, State.CLOSED, clock.now())
        return self.query(order)


def external_id(payment: SandboxPayment) -> str:
    """The sandbox's id of a checkout, in the form the channel's gateway uses."""
    return f"cs_test_{payment.id.hex}" if payment.channel == "stripe" else f"sb_{payment.id.hex}"


def standing_of(payment: SandboxPayment) -> Standing:
    """Where the payment stands, in our words."""
    return Standing(
        OUTCOMES[State(payment.state)],
        order_uuid=payment.id,
        external_id=external_id(payment),
        charge_id=f"pi_{payment.id.hex}" if payment.state == State.PAID else "",
        amount_cents=payment.amount_cents,
        currency=payment.currency,
    )


def decide(payment_id: UUID, state: State, at: dt.datetime) -> bool:
    """The payer's decision is entered once; money may come after any other end, as it does in life. False: it was not entered."""
    allowed = [State.OPEN, State.FAILED, State.CANCELLED, State.CLOSED] if state == State.PAID else [State.OPEN]
    return SandboxPayment.objects.filter(id=payment_id, state__in=allowed).update(state=state, decided_at=at) == 1
