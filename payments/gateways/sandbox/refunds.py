"""Refunds at the sandbox: once for a number, never more than was paid."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from config.kernel import clock
from payments.gateways.base import RefundOutcome, RefundRequest, RefundStanding, Rejected
from payments.gateways.sandbox.books import State, refund_standing_of, refunded_cents
from payments.models import Order, SandboxPayment, SandboxRefund


def refund(request: RefundRequest) -> RefundStanding:
    """The refund is in the sandbox's books; WeChat Pay only takes it and tells later, the others say at once that it is done.

    Locks the sandbox's payment. Raises Rejected: unknown or unpaid, more than is left, or the number was used for another amount.
    """
    with transaction.atomic():
        payment = SandboxPayment.objects.select_for_update().filter(id=request.order_uuid, state=State.PAID).first()
        if payment is None:
            raise Rejected(_("The payment service knows no payment of this order."))
        found = payment.refunds.filter(id=request.refund_uuid).first() or _new(payment, request)
    if found.amount_cents != request.amount_cents:
        raise Rejected(_("The payment service knows this refund with another amount."))
    return refund_standing_of(found)


def refund_query(request: RefundRequest) -> RefundStanding:
    """Where the refund stands; one that was on its way has arrived by the time somebody asks."""
    waiting = SandboxRefund.objects.filter(id=request.refund_uuid, state=RefundOutcome.PROCESSING)
    waiting.update(state=RefundOutcome.SUCCEEDED)
    found = SandboxRefund.objects.select_related("payment").filter(id=request.refund_uuid).first()
    return refund_standing_of(found) if found else RefundStanding(RefundOutcome.NONE, request.refund_uuid, request.order_uuid)


def _new(payment: SandboxPayment, request: RefundRequest) -> SandboxRefund:
    if request.amount_cents <= 0 or refunded_cents(payment) + request.amount_cents > payment.amount_cents:
        raise Rejected(_("The refund is larger than what is left of the payment."))
    state = RefundOutcome.PROCESSING if payment.channel == Order.Channel.WECHAT else RefundOutcome.SUCCEEDED
    return payment.refunds.create(id=request.refund_uuid, amount_cents=request.amount_cents, state=state, created_at=clock.now())
