"""What is sold: products and their prices."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class Product(models.Model):
    """One thing that a contract sells under its own name; operators edit it."""

    class Kind(models.TextChoices):
        CREDIT_PACK = "credit_pack", _("credit pack")

    class Contract(models.TextChoices):
        VIDEO = "video"
        STARGRAPH = "stargraph"
        STUDIO = "studio"
        SKYRIFF = "skyriff"

    kind = models.CharField(max_length=24, choices=Kind, default=Kind.CREDIT_PACK)
    contract = models.CharField(max_length=12, choices=Contract)
    slug = models.SlugField(max_length=40, help_text=_("The name clients send."))
    name = models.CharField(max_length=80, help_text=_("As the contract's document calls it."))
    name_en = models.CharField(max_length=80, blank=True)
    paid_credits = models.PositiveIntegerField(
        default=0, help_text=_("At most what the price buys at the floor price; the rest is given as bonus.")
    )
    bonus_credits = models.PositiveIntegerField(default=0)
    unit_price_shown = models.DecimalField(
        max_digits=8,
        decimal_places=3,
        null=True,
        blank=True,
        help_text=_("CNY a credit as the document prints it; empty: price over credits, rounded."),
    )
    is_active = models.BooleanField(default=True)
    display_order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar[list[str]] = ["contract", "display_order", "id"]
        constraints = (models.UniqueConstraint(fields=["contract", "slug"], name="product_slug_unique"),)

    def __str__(self) -> str:
        return f"{self.contract}/{self.slug}"

    @property
    def credits(self) -> int:
        """Paid and bonus credits together."""
        return self.paid_credits + self.bonus_credits


class ProductPrice(models.Model):
    """A product's price in one currency, and what of it the books count in CNY."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="prices")
    currency = models.CharField(max_length=3, default="CNY")
    amount_cents = models.PositiveBigIntegerField(help_text=_("In the currency's smallest unit."))
    value_cents = models.PositiveBigIntegerField(
        help_text=_("CNY cents that this money is worth at least (the floor rate); equal for CNY.")
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["product", "currency"], name="productprice_unique"),
            models.CheckConstraint(condition=models.Q(amount_cents__gt=0, value_cents__gt=0), name="productprice_positive"),
            models.CheckConstraint(
                condition=~models.Q(currency="CNY") | models.Q(value_cents=models.F("amount_cents")), name="productprice_cny"
            ),
        )

    def __str__(self) -> str:
        return f"{self.product_id}: {self.amount_cents} {self.currency}"

    def unit_price(self) -> Decimal:
        """CNY a credit, three decimals, rounded half up unless the product fixes what is shown."""
        shown = self.product.unit_price_shown
        exact = Decimal(self.value_cents) / 100 / max(1, self.product.credits)
        return shown if shown is not None else exact.quantize(Decimal("0.001"), ROUND_HALF_UP)

    def clean(self) -> None:
        """Refuse a shown price a credit that this price has left behind."""
        shown, credits_count = self.product.unit_price_shown, self.product.credits
        if self.currency != "CNY" or shown is None or not credits_count or not self.value_cents:
            return
        if abs(Decimal(self.value_cents) / 100 / credits_count - shown) >= Decimal("0.001"):
            raise ValidationError({"amount_cents": _("The unit price shown no longer fits this price: clear it or correct it.")})
