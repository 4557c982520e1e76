"""Reads of the catalogue."""

from __future__ import annotations

from payments.models import ProductPrice


def prices_of(*, contract: str, currency: str = "CNY", kind: str = "") -> list[ProductPrice]:
    """What `contract` sells now for `currency` (of one `kind`, if given), in the order shown; products are loaded with their prices.

    There is no kind for coins: they are never sold.
    """
    rows = ProductPrice.objects.filter(product__contract=contract, product__is_active=True, currency=currency)
    rows = rows.filter(product__kind=kind) if kind else rows
    return list(rows.select_related("product").order_by("product__display_order", "product_id"))


def price_of(*, contract: str, slug: str = "", number: int | None = None, currency: str = "CNY") -> ProductPrice | None:
    """The price of one product that is on sale, found by its number if one is given, else by its slug; or None."""
    which = {"product__slug": slug} if number is None else {"product__number": number}
    rows = ProductPrice.objects.filter(product__contract=contract, product__is_active=True, currency=currency, **which)
    return rows.select_related("product").first()
