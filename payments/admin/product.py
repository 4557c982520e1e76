"""The catalogue: currencies, products and prices, edited by operators. What cannot be sold is refused with the reason at its field."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from payments.models import Currency, Product, ProductPrice


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A price; its worth in the books may be left to the floor rate."""

    class Meta:
        model = ProductPrice
        fields = ("currency", "amount_cents", "value_cents")
        help_texts: ClassVar = {"value_cents": _("CNY cents in the books, at most what the floor rate makes of it. Empty: that.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["value_cents"].required = False


class PriceInline(admin.TabularInline):  # type: ignore[type-arg]
    """A product's price in each currency."""

    model = ProductPrice
    form = PriceForm
    extra = 0


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What each contract sells."""

    list_display = ("slug", "contract", "number", "kind", "name", "name_en", "paid_credits", "bonus_credits", "display_order", "is_active")
    list_filter = ("contract", "kind", "is_active")
    search_fields = ("slug", "name", "name_en")
    inlines = (PriceInline,)


@admin.register(Currency)
class CurrencyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Floor rates: a new one gives every price of the currency its new worth, or is refused. A currency in use stays."""

    list_display = ("code", "minor_digits", "floor_cents")

    def get_readonly_fields(self, request: HttpRequest, obj: Currency | None = None) -> tuple[str, ...]:
        """The code names the currency's prices; the yuan is what the books count in."""
        return () if obj is None else ("code", "minor_digits", "floor_cents") if obj.code == "CNY" else ("code",)

    def has_delete_permission(self, request: HttpRequest, obj: Currency | None = None) -> bool:
        """Only one without prices, and one at a time."""
        return obj is not None and obj.code != "CNY" and not ProductPrice.objects.filter(currency=obj.code).exists()
