"""Reads of the catalogue."""

from __future__ import annotations

from payments.models import ProductPrice


def prices_of(*, contract: str, currency: str = "CNY") -> list[ProductPrice]:
    """What `contract` sells now for `currency`, in the order shown; products are loaded with their prices."""
    rows = ProductPrice.objects.filter(product__contract=contract, product__is_active=True, currency=currency)
    return list(rows.select_related("product").order_by("product__display_order", "product_id"))


def price_of(*, contract: str, slug: str, currency: str = "CNY") -> ProductPrice | None:
    """The price of one product that is on sale, or None."""
    rows = ProductPrice.objects.filter(product__contract=contract, product__slug=slug, product__is_active=True, currency=currency)
    return rows.select_related("product").first()
