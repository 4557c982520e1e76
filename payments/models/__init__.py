"""The room's tables."""

from payments.models.alarm import Alarm, Difference, Statement
from payments.models.notice import Notice
from payments.models.order import Order
from payments.models.product import Currency, Product, ProductPrice
from payments.models.refund import Dispute, Refund
from payments.models.sandbox import SandboxKey, SandboxPayment, SandboxRefund, SandboxTransfer
from payments.models.subscription import CardClaim, MembershipPeriod, MonthlyCard
from payments.models.withdrawal import Payout, Withdrawal, WithdrawalDecision

__all__ = [
    "Alarm",
    "CardClaim",
    "Currency",
    "Difference",
    "Dispute",
    "MembershipPeriod",
    "MonthlyCard",
    "Notice",
    "Order",
    "Payout",
    "Product",
    "ProductPrice",
    "Refund",
    "SandboxKey",
    "SandboxPayment",
    "SandboxRefund",
    "SandboxTransfer",
    "Statement",
    "Withdrawal",
    "WithdrawalDecision",
]
