"""The room's tables."""

from payments.models.notice import Notice
from payments.models.order import Order
from payments.models.product import Product, ProductPrice
from payments.models.sandbox import SandboxPayment

__all__ = ["Notice", "Order", "Product", "ProductPrice", "SandboxPayment"]
