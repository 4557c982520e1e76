"""What may go wrong with an order or a notice."""

from __future__ import annotations

from config.kernel.errors import DomainError


class PaymentNotFound(DomainError):
    """There is no such payment."""

    code = "payment_not_found"


class OrderRefused(DomainError):
    """The amount, the credits and the currency do not agree with a package or the base rate."""

    code = "order_refused"


class PaymentFailed(DomainError):
    """The payment service refused the order: {reason}"""

    code = "payment_failed"


class PaymentUnavailable(DomainError):
    """The payment service does not answer; try again in a moment."""

    code = "payment_unavailable"
    retryable = True


class NoticeRefused(DomainError):
    """The notice was not proven to come from the payment service: {reason}"""

    code = "notice_refused"


class SandboxDecided(DomainError):
    """This payment is already {outcome}."""

    code = "sandbox_decided"


class ProductUnknown(DomainError):
    """This is not on sale."""

    code = "product_unknown"


class AmountNotAllowed(DomainError):
    """This amount cannot be withdrawn: at least {least_cents} and at most {most_cents} cents at a time."""

    code = "amount_not_allowed"


class WithdrawableTooSmall(DomainError):
    """There are fewer coins to withdraw than this needs."""

    code = "withdrawable_too_small"


class WithdrawalBlocked(DomainError):
    """Nothing can be withdrawn while {reason}."""

    code = "withdrawal_blocked"


class WithdrawalNotFound(DomainError):
    """There is no such withdrawal."""

    code = "withdrawal_not_found"


class DecisionRefused(DomainError):
    """This cannot be decided so: {reason}."""

    code = "decision_refused"


class AlreadyClaimed(DomainError):
    """Today's credits are claimed already; the next ones can be claimed at {next_claim_at}."""

    code = "already_claimed"


class NoCard(DomainError):
    """There is no monthly card running."""

    code = "no_active_card"


class CardSoldOut(DomainError):
    """The monthly card is sold out for now; nothing was ordered."""

    code = "card_sold_out"


class RefundNotFound(DomainError):
    """There is no such refund."""

    code = "refund_not_found"


class RefundTooLarge(DomainError):
    """Of this payment at most {most_cents} cents can be paid back."""

    code = "refund_too_large"


class RefundOpen(DomainError):
    """A refund of this payment is being worked on already."""

    code = "refund_open"


class OrderDisputed(DomainError):
    """The payer's bank has taken this payment back for now: nothing of it can be refunded until that is decided."""

    code = "order_disputed"
