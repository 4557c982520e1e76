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
