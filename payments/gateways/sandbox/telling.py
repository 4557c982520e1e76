"""Which notices tell a piece of news, and under which source: the channel's own, or the sandbox's where the channel has no words for it."""

from __future__ import annotations

from payments.gateways.base import Outcome, PayoutOutcome, RawNotice, RefundOutcome, Subject
from payments.gateways.sandbox import as_alipay, as_stripe, as_wechat, notices, transfers
from payments.gateways.sandbox.books import dispute_standing_of, refund_standing_of, refunded_cents, standing_of
from payments.models import Order, SandboxPayment, SandboxRefund, SandboxTransfer

Channel = Order.Channel
Told = list[tuple[str, RawNotice]]


def of_payment(payment: SandboxPayment) -> Told:
    """What ended the payment. WeChat Pay and Alipay tell of money only: a payer who gives up is no news to them."""
    standing = standing_of(payment)
    times = {"created_s": int(payment.created_at.timestamp()), "expires_s": int(payment.expires_at.timestamp())}
    match payment.channel:
        case Channel.STRIPE:
            return [(Channel.STRIPE, raw) for raw in as_stripe.payment(standing, **times)]
        case Channel.WECHAT if standing.outcome == Outcome.PAID:
            return [(Channel.WECHAT, as_wechat.payment(standing))]
        case Channel.ALIPAY if standing.outcome == Outcome.PAID:
            return [(Channel.ALIPAY, as_alipay.payment(standing))]
        case _:
            return _own(standing)


def of_refund(refund: SandboxRefund) -> Told:
    """Where the refund stands. Alipay tells of refunds that arrived only."""
    standing, payment = refund_standing_of(refund), refund.payment
    paid_cents, gone_cents = payment.amount_cents, refunded_cents(payment)
    match payment.channel:
        case Channel.STRIPE:
            return [(Channel.STRIPE, raw) for raw in as_stripe.refund(standing, paid_cents=paid_cents, refunded_cents=gone_cents)]
        case Channel.WECHAT:
            return [(Channel.WECHAT, as_wechat.refund(standing, paid_cents=paid_cents))]
        case Channel.ALIPAY if standing.outcome == RefundOutcome.SUCCEEDED:
            return [(Channel.ALIPAY, as_alipay.refund(standing, paid_cents=paid_cents, refunded_cents=gone_cents))]
        case _:
            return _own(standing)


def of_dispute(payment: SandboxPayment) -> Told:
    """Where the payment's dispute stands. Only Stripe's protocol knows disputes."""
    standing = dispute_standing_of(payment)
    if payment.channel == Channel.STRIPE:
        return [(Channel.STRIPE, raw) for raw in as_stripe.dispute(standing)]
    return _own(standing)


def of_transfer(transfer: SandboxTransfer) -> Told:
    """Where the transfer stands. WeChat Pay's never come back."""
    standing = transfers.standing_of(transfer)
    if transfer.channel == Channel.ALIPAY:
        return [(Channel.ALIPAY, as_alipay.payout(standing))]
    return _own(standing) if standing.outcome == PayoutOutcome.RETURNED else [(Channel.WECHAT, as_wechat.payout(standing))]


def _own(subject: Subject) -> Told:
    return [(Channel.SANDBOX, notices.own(subject))]
