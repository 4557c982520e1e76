"""What the books refuse, in words every contract can translate."""

from __future__ import annotations

from accounts.exceptions import IdempotencyConflict
from config.kernel.errors import DomainError

__all__ = [
    "BudgetExceeded",
    "HoldNotFound",
    "HoldResolved",
    "IdempotencyConflict",
    "InsufficientCoins",
    "InsufficientCredits",
    "PaidWithoutSale",
    "PriceMissing",
    "PromiseClosed",
    "RefundExceedsUnspent",
    "SelfTransfer",
    "SourceUnknown",
    "SpendNotFound",
    "TakebackNotFound",
    "WalletFrozen",
    "WithdrawalNotLeaving",
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


class WalletFrozen(DomainError):
    """Your credits are frozen while a payment is disputed or credits that were paid back are owed ({shortfall})."""

    code = "wallet_frozen"


class RefundExceedsUnspent(DomainError):
    """Only {unspent} of these {required} credits are unspent."""

    code = "refund_exceeds_unspent"


class TakebackNotFound(DomainError):
    """There is no such take-back."""

    code = "takeback_not_found"


class InsufficientCoins(DomainError):
    """Insufficient coins: {required_hundredths} hundredths required, {available_hundredths} available."""

    code = "insufficient_coins"


class WithdrawalNotLeaving(DomainError):
    """No coins of this withdrawal are leaving."""

    code = "withdrawal_not_leaving"
