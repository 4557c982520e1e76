"""The sandbox gateway: every channel and method of demo mode, kept in its own tables, decided on its own pages."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext

from config.kernel import clock
from config.kernel.errors import NotConfigured
from payments.gateways.base import (
    Checkout,
    CheckoutRequest,
    OrderRef,
    Outcome,
    PayoutRequest,
    PayoutStanding,
    RawNotice,
    RefundOutcome,
    RefundRequest,
    RefundStanding,
    Rejected,
    Standing,
    StatementLine,
    VerifiedNotice,
)
from payments.gateways.sandbox import notices, refunds, transfers
from payments.gateways.sandbox.books import State, charge_id, decide, refund_external_id, standing_of
from payments.gateways.sandbox.checkouts import checkout_of
from payments.models import Order, SandboxPayment, SandboxRefund

CNY_ONLY = frozenset({Order.Channel.WECHAT, Order.Channel.ALIPAY})
METHODS = frozenset(method.value for method in Order.Method if method != Order.Method.BALANCE)


@dataclass(frozen=True, slots=True)
class SandboxGateway:
    """The sandbox, serving every channel of demo mode."""

    name: str = "sandbox"
    methods: frozenset[str] = METHODS

    @classmethod
    def configured(cls) -> SandboxGateway:
        """The sandbox. Raises NotConfigured outside demo mode."""
        if not settings.DEMO:
            raise NotConfigured(service="sandbox")
        return cls()

    def create(self, request: CheckoutRequest) -> Checkout:
        """A page at `/sandbox/pay/{payment_id}`, and a code or an app's parameters besides; the same payment for the same order.

        Raises Rejected for a currency that the channel's own gateway does not take.
        """
        if request.channel in CNY_ONLY and request.currency != "CNY":
            raise Rejected(gettext("This payment service takes CNY only."))
        facts = {
            "channel": request.channel,
            "method": request.method,
            "title": request.title,
            "amount_cents": request.amount_cents,
            "currency": request.currency,
            "return_url": request.return_url,
            "created_at": request.created_at,
            "expires_at": request.expires_at,
        }
        payment, _ = SandboxPayment.objects.get_or_create(id=request.order_uuid, defaults=facts)
        return checkout_of(payment, request)

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

    def refund(self, request: RefundRequest) -> RefundStanding:
        """The refund exists, once for its number; never more than was paid. Raises Rejected."""
        return refunds.refund(request)

    def refund_query(self, request: RefundRequest) -> RefundStanding:
        """Where the refund stands in the sandbox's books."""
        return refunds.refund_query(request)

    def statement(self, day: dt.date) -> list[StatementLine]:
        """Payments and refunds of one day (Asia/Shanghai), of every channel."""
        begin = dt.datetime.combine(day, dt.time(), clock.SHANGHAI)
        within = (begin, begin + dt.timedelta(days=1))
        return [*_payments(*within), *_refunds(*within)]

    def payout(self, request: PayoutRequest) -> PayoutStanding:
        """The payout exists, once for its number. Raises Unknown for an account with `lost` in it."""
        return transfers.payout(request)

    def payout_query(self, request: PayoutRequest) -> PayoutStanding:
        """Where the payout stands in the sandbox's books."""
        return transfers.payout_query(request)


def _payments(begin: dt.datetime, end: dt.datetime) -> list[StatementLine]:
    rows = SandboxPayment.objects.filter(state=State.PAID, decided_at__gte=begin, decided_at__lt=end)
    return [StatementLine("payment", row.id.hex, charge_id(row), row.amount_cents, row.currency) for row in rows]


def _refunds(begin: dt.datetime, end: dt.datetime) -> list[StatementLine]:
    rows = SandboxRefund.objects.exclude(state=RefundOutcome.FAILED).filter(created_at__gte=begin, created_at__lt=end)
    return [
        StatementLine("refund", row.id.hex, refund_external_id(row), row.amount_cents, row.payment.currency)
        for row in rows.select_related("payment")
    ]
