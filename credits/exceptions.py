"""What the books refuse, in words every contract can translate."""

from __future__ import annotations

from accounts.exceptions import IdempotencyConflict
from config.kernel.errors import DomainError

__all__ = [
    "BudgetExceeded",
    "HoldNotFound",
    "HoldResolved",
    "IdempotencyConflict",
    "InsufficientCredits",
    "PaidWithoutSale",
    "PriceMissing",
    "PromiseClosed",
    "SelfTransfer",
    "SourceUnknown",
    "SpendNotFound",
]


class InsufficientCredits(DomainError):
    """Insufficient credits: {required} required, {current_balance} available."""

    code = "insufficient_credits"


class BudgetExceeded(DomainError):
    """This API key's credit budget ({budget}) of {limit} is used up."""

    code = "budget_exceeded"


class PriceMissing(DomainError):
    """There is no price for this."""

    code = "price_missing"


class HoldNotFound(DomainError):
    """There is no such hold."""

    code = "hold_not_found"


class HoldResolved(DomainError):
    """This hold has been resolved already ({state})."""

    code = "hold_resolved"


class SpendNotFound(DomainError):
    """There is no such spend to refund."""

    code = "spend_not_found"


class SelfTransfer(DomainError):
    """Credits cannot be sent to oneself."""

    code = "self_transfer"


class SourceUnknown(DomainError):
    """The books know no account named {source}."""

    code = "source_unknown"


class PaidWithoutSale(DomainError):
    """Paid credits come out of a settled sale at no less than the floor price."""

    code = "paid_without_sale"


class PromiseClosed(DomainError):
    """Nothing is left of this promise."""

    code = "promise_closed"
