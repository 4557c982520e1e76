"""What banks and time do in the sandbox after the payer (demo mode only): disputes, refunds, payouts. The platform is told each time."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.conf import settings

from payments.exceptions import PaymentNotFound, SandboxDecided
from payments.gateways.base import RefundOutcome
from payments.gateways.sandbox import telling, transfers
from payments.gateways.sandbox.books import dispute_decide
from payments.models import SandboxPayment, SandboxRefund, SandboxTransfer
from payments.services.sandbox import sandbox_payment, sandbox_tell

DISPUTE_OUTCOMES = ("opened", "won", "lost")
REFUND_OUTCOMES = ("succeeded", "failed")
TRANSFER_OUTCOMES = ("paid", "refused", "returned")


def sandbox_dispute(*, payment_id: UUID | str, outcome: str, at: dt.datetime) -> SandboxPayment:
    """The payer's bank has opened a dispute about the paid payment, or decided it (won: for us); the same again is told again.

    Raises PaymentNotFound, SandboxDecided (not paid, no dispute, or decided otherwise).
    """
    payment = sandbox_payment(payment_id)
    dispute_decide(payment.id, SandboxPayment.Dispute(outcome))
    payment.refresh_from_db()
    if payment.dispute != outcome:
        raise SandboxDecided(outcome=payment.dispute or payment.state)
    sandbox_tell(telling.of_dispute(payment), at)
    return payment


def sandbox_refund_end(*, payment_id: UUID | str, outcome: str, at: dt.datetime) -> SandboxRefund:
    """The payment's last refund has succeeded or failed, also after it had succeeded; the same again is told again.

    Raises PaymentNotFound (also without a refund), SandboxDecided (it failed before).
    """
    refund = sandbox_payment(payment_id).refunds.select_related("payment").order_by("created_at", "pk").last()
    if refund is None:
        raise PaymentNotFound()
    SandboxRefund.objects.filter(pk=refund.pk).exclude(state=RefundOutcome.FAILED).update(state=outcome)
    refund.refresh_from_db(fields=["state"])
    if refund.state != outcome:
        raise SandboxDecided(outcome=refund.state)
    sandbox_tell(telling.of_refund(refund), at)
    return refund


def sandbox_refund_end_due(*, at: dt.datetime, limit: int = 100) -> int:
    """Refunds that were only taken (WeChat Pay's) have arrived at their payers, and the platform was told; how many."""
    waiting = SandboxRefund.objects.filter(state=RefundOutcome.PROCESSING).select_related("payment").order_by("created_at")
    ended = 0
    for refund in waiting[:limit] if settings.DEMO else ():
        refund.state = RefundOutcome.SUCCEEDED
        ended += SandboxRefund.objects.filter(pk=refund.pk, state=RefundOutcome.PROCESSING).update(state=refund.state)
        sandbox_tell(telling.of_refund(refund), at)
    return ended


def sandbox_transfer(transfer_id: UUID) -> SandboxTransfer:
    """One payout of the sandbox. Raises PaymentNotFound, always outside demo mode."""
    transfer = SandboxTransfer.objects.filter(id=transfer_id).first() if settings.DEMO else None
    if transfer is None:
        raise PaymentNotFound()
    return transfer


def sandbox_transfer_end(*, transfer_id: UUID, outcome: str, at: dt.datetime) -> SandboxTransfer:
    """The payee has confirmed the transfer (paid), it was refused, or a paid one came back (returned); the same again is told again.

    Raises PaymentNotFound, SandboxDecided (it ended otherwise before).
    """
    transfer = sandbox_transfer(transfer_id)
    transfers.decide(transfer, outcome)
    transfer.refresh_from_db()
    if transfer.state != outcome:
        raise SandboxDecided(outcome=transfer.state)
    sandbox_tell(telling.of_transfer(transfer), at)
    return transfer
