"""The room in the console."""

from payments.admin.notice import NoticeAdmin
from payments.admin.order import OrderAdmin
from payments.admin.product import ProductAdmin
from payments.admin.sandbox import SandboxPaymentAdmin

__all__ = ["NoticeAdmin", "OrderAdmin", "ProductAdmin", "SandboxPaymentAdmin"]
