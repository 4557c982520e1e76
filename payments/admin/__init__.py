"""The room in the console."""

from payments.admin.alarm import AlarmAdmin
from payments.admin.dispute import DisputeAdmin
from payments.admin.notice import NoticeAdmin
from payments.admin.order import OrderAdmin
from payments.admin.product import CurrencyAdmin, ProductAdmin
from payments.admin.refund import RefundAdmin
from payments.admin.sandbox import SandboxPaymentAdmin
from payments.admin.statement import DifferenceAdmin, StatementAdmin
from payments.admin.subscription import MembershipPeriodAdmin, MonthlyCardAdmin
from payments.admin.withdrawal import WithdrawalAdmin

__all__ = [
    "AlarmAdmin",
    "CurrencyAdmin",
    "DifferenceAdmin",
    "DisputeAdmin",
    "MembershipPeriodAdmin",
    "MonthlyCardAdmin",
    "NoticeAdmin",
    "OrderAdmin",
    "ProductAdmin",
    "RefundAdmin",
    "SandboxPaymentAdmin",
    "StatementAdmin",
    "WithdrawalAdmin",
]
