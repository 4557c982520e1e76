"""The catalogue: products and prices, edited by operators."""

from __future__ import annotations

from django.contrib import admin

from payments.models import Product, ProductPrice


class PriceInline(admin.TabularInline):  # type: ignore[type-arg]
    """A product's price in each currency."""

    model = ProductPrice
    extra = 0


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What each contract sells."""

    list_display = ("slug", "contract", "kind", "name", "name_en", "paid_credits", "bonus_credits", "display_order", "is_active")
    list_filter = ("contract", "kind", "is_active")
    search_fields = ("slug", "name", "name_en")
    inlines = (PriceInline,)
