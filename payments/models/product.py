"""What is sold: currencies, products and their prices."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Currency(models.Model):
    """A currency in which something may be priced, and what one unit of it is worth at least."""

    code = models.CharField(max_length=3, primary_key=True, help_text=_("ISO 4217, upper case."))
    minor_digits = models.PositiveSmallIntegerField(default=2, help_text=_("Decimals of its smallest unit: 2 for USD, 0 for JPY."))
    floor_cents = models.DecimalField(
        max_digits=14,
        decimal_places=6,
        validators=[MinValueValidator(Decimal("0.000001"))],
        help_text=_("CNY cents that one smallest unit is worth at least: the books count money at this floor rate."),
    )

    class Meta:
        verbose_name_plural = "currencies"
        constraints = (
            models.CheckConstraint(condition=models.Q(floor_cents__gt=0), name="currency_floor_positive"),
            models.CheckConstraint(condition=~models.Q(code="CNY") | models.Q(floor_cents=1, minor_digits=2), name="currency_cny"),
        )

    def __str__(self) -> str:
        return self.code


class Product(models.Model):
    """One thing that a contract sells under its own name; operators edit it."""

    class Kind(models.TextChoices):
        CREDIT_PACK = "credit_pack", _("credit pack")
        MEMBERSHIP = "membership", _("membership")
        MONTHLY_CARD = "monthly_card", _("monthly card")
        PROMOTER = "promoter", _("promoter activation")

    class Contract(models.TextChoices):
        VIDEO = "video"
        STARGRAPH = "stargraph"
        STUDIO = "studio"
        SKYRIFF = "skyriff"

    kind = models.CharField(max_length=24, choices=Kind, default=Kind.CREDIT_PACK)
    contract = models.CharField(max_length=12, choices=Contract)
    slug = models.SlugField(max_length=40, help_text=_("The name clients send; of a membership: monthly, quarterly or yearly."))
    name = models.CharField(max_length=80, help_text=_("As the contract's document calls it."))
    name_en = models.CharField(max_length=80, blank=True)
    description = models.CharField(max_length=200, blank=True)
    description_en = models.CharField(max_length=200, blank=True)
    paid_credits = models.PositiveIntegerField(
        default=0, help_text=_("At most what the price buys at the floor price; the rest is given as bonus.")
    )
    bonus_credits = models.PositiveIntegerField(default=0)
    period_months = models.PositiveSmallIntegerField(default=0, help_text=_("A membership's length."))
    period_days = models.PositiveSmallIntegerField(default=0, help_text=_("A monthly card's days; one claim a day."))
    claim_credits = models.PositiveIntegerField(default=0, help_text=_("Bonus credits of one claim of a monthly card."))
    daily_units = models.PositiveIntegerField(default=0, help_text=_("Fair use: a member's free generations a day."))
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
        constraints = (
            models.UniqueConstraint(fields=["contract", "slug"], name="product_slug_unique"),
            models.CheckConstraint(condition=~models.Q(kind="membership") | models.Q(period_months__gt=0), name="product_membership"),
            models.CheckConstraint(
                condition=~models.Q(kind="monthly_card") | models.Q(period_days__gt=0, claim_credits__gt=0), name="product_monthly_card"
            ),
        )

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
