"""What the sandbox knows of a payment, and how the payer, the bank and time change it."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from payments.gateways.base import DisputeOutcome, DisputeStanding, Outcome, RefundOutcome, RefundStanding, Standing
from payments.models import Order, SandboxPayment, SandboxRefund

State, Dispute = SandboxPayment.State, SandboxPayment.Dispute
OUTCOMES = {
    State.OPEN: Outcome.OPEN,
    State.PAID: Outcome.PAID,
    State.FAILED: Outcome.FAILED,
    State.CANCELLED: Outcome.CANCELLED,
    State.CLOSED: Outcome.EXPIRED,
}
DISPUTES = {Dispute.OPENED: DisputeOutcome.OPEN, Dispute.WON: DisputeOutcome.WON, Dispute.LOST: DisputeOutcome.LOST}
DISPUTE_EDGES = {Dispute.OPENED: ("",), Dispute.WON: (Dispute.OPENED, Dispute.LOST), Dispute.LOST: (Dispute.OPENED,)}
"""A dispute that was lost may still be won on appeal."""
EVIDENCE_TIME = dt.timedelta(days=7)


def external_id(payment: SandboxPayment) -> str:
    """The id of a checkout in the form of the channel's gateway; WeChat Pay has none, Alipay calls it by our number."""
    forms = {Order.Channel.STRIPE: f"cs_test_{payment.id.hex}", Order.Channel.ALIPAY: payment.id.hex, Order.Channel.WECHAT: ""}
    return forms.get(Order.Channel(payment.channel), f"sb_{payment.id.hex}")


def charge_id(payment: SandboxPayment) -> str:
    """The id of the payment itself."""
    return f"pi_{payment.id.hex}" if payment.channel == Order.Channel.STRIPE else f"sbp_{payment.id.hex}"


def refund_external_id(refund: SandboxRefund) -> str:
    """The id of a refund at the gateway."""
    return f"re_{refund.id.hex}"


def standing_of(payment: SandboxPayment) -> Standing:
    """Where the payment stands, in our words."""
    return Standing(
        OUTCOMES[State(payment.state)],
        order_uuid=payment.id,
        external_id=external_id(payment),
        charge_id=charge_id(payment) if payment.state == State.PAID else "",
        amount_cents=payment.amount_cents,
        currency=payment.currency,
    )


def refund_standing_of(refund: SandboxRefund) -> RefundStanding:
    """Where the refund stands, in our words."""
    payment = refund.payment
    return RefundStanding(
        RefundOutcome(refund.state),
        refund_uuid=refund.id,
        order_uuid=payment.id,
        external_id=refund_external_id(refund),
        charge_id=charge_id(payment),
        amount_cents=refund.amount_cents,
        currency=payment.currency,
    )


def dispute_standing_of(payment: SandboxPayment) -> DisputeStanding:
    """Where the payment's dispute stands, in our words; the bank takes the money when it opens, and gives it back when it is won."""
    begun_at = payment.decided_at or payment.created_at
    return DisputeStanding(
        DISPUTES[Dispute(payment.dispute)],
        external_id=f"dp_{payment.id.hex}",
        order_uuid=payment.id,
        charge_id=charge_id(payment),
        amount_cents=payment.amount_cents,
        currency=payment.currency,
        reason="fraudulent",
        evidence_due_at=begun_at + EVIDENCE_TIME,
        is_money_gone=payment.dispute != Dispute.WON,
    )


def decide(payment_id: UUID, state: SandboxPayment.State, at: dt.datetime) -> bool:
    """The payer's decision is entered once; money may come after any other end, as it does in life. False: it was not entered."""
    allowed = [State.OPEN, State.FAILED, State.CANCELLED, State.CLOSED] if state == State.PAID else [State.OPEN]
    return SandboxPayment.objects.filter(id=payment_id, state__in=allowed).update(state=state, decided_at=at) == 1


def dispute_decide(payment_id: UUID, to: SandboxPayment.Dispute) -> bool:
    """The bank's decision about a paid payment is entered once. False: it was not entered."""
    return SandboxPayment.objects.filter(id=payment_id, state=State.PAID, dispute__in=DISPUTE_EDGES[to]).update(dispute=to) == 1


def refunded_cents(payment: SandboxPayment) -> int:
    """All that the payment has given back or is giving back."""
    return sum(payment.refunds.exclude(state=RefundOutcome.FAILED).values_list("amount_cents", flat=True))
