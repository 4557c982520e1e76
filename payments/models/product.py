"""What is sold: currencies, products and their prices."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from credits.rates import COMMISSION_PERCENT, CREATOR_SHARE_PERCENT

TOO_SMALL = _("At the floor rate this money is worth less than one CNY cent.")
TOO_MUCH = _("At the floor rate this money is worth at most %(most)s CNY cents.")
PAYS_ONESELF = _("Buying this, tipping oneself and withdrawing would pay: the price is too low for the creators' share.")


def split_at_floor(paid: int, bonus: int, value_cents: int) -> tuple[int, int]:
    """Paid credits only as many as `value_cents` (CNY) buy at the floor price, rounded down; what is beyond them is bonus."""
    most = value_cents // settings.FLOOR_PRICE_CENTS
    return min(paid, most), bonus + max(0, paid - most)


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

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """The currency stands, and its prices are worth what its new rate says. Raises ValidationError, and nothing changed."""
        super().save(*args, **kwargs)
        self.refresh_from_db(fields=["floor_cents"])  # as it is stored: six decimals
        for price in ProductPrice.objects.select_for_update(of=("self",)).filter(currency=self.code).select_related("product"):
            price.revalue(self)
            models.Model.save(price, update_fields=["value_cents"])

    def worth_of(self, amount_cents: int) -> int:
        """CNY cents that `amount_cents` (smallest units) are worth at least, rounded down."""
        return int(self.floor_cents * amount_cents)

    def clean(self) -> None:
        """Refuse a rate at which a price of this currency could not be sold."""
        if self.floor_cents is None:
            return
        for price in ProductPrice.objects.filter(currency=self.code).select_related("product"):
            try:
                price.revalue(self)
            except ValidationError as error:
                raise ValidationError({"floor_cents": [f"{price.product}: {text}" for text in error.messages]}) from error


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
    number = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("The number that the contract's clients know it by; empty: the next one of the contract.")
    )
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
            models.UniqueConstraint(fields=["contract", "number"], name="product_number_unique"),
            models.CheckConstraint(
                condition=~models.Q(kind="membership") | models.Q(period_months__gt=0, slug__in=["monthly", "quarterly", "yearly"]),
                name="product_membership",
                violation_error_message=_("A membership is monthly, quarterly or yearly, and lasts some months."),
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="monthly_card") | models.Q(period_days__gt=0, claim_credits__gt=0),
                name="product_monthly_card",
                violation_error_message=_("A monthly card has days and credits to claim."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.contract}/{self.slug}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A product without a number gets its contract's next one."""
        if self.number is None:
            highest = Product.objects.filter(contract=self.contract).aggregate(number=models.Max("number"))["number"]
            self.number = (highest or 0) + 1
        super().save(*args, **kwargs)

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

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """The price stands. Its currency is locked meanwhile, so that no new rate passes it by. Raises ValidationError."""
        self.judge(Currency.objects.select_for_update().filter(pk=self.currency).first())
        super().save(*args, **kwargs)

    def unit_price(self) -> Decimal:
        """CNY a credit, three decimals, rounded half up unless the product fixes what is shown."""
        shown = self.product.unit_price_shown
        exact = Decimal(self.value_cents) / 100 / max(1, self.product.credits)
        return shown if shown is not None else exact.quantize(Decimal("0.001"), ROUND_HALF_UP)

    def paid_and_bonus(self) -> tuple[int, int]:
        """What a buyer gets: paid credits up to the floor price, the rest as bonus."""
        return split_at_floor(self.product.paid_credits, self.product.bonus_credits, self.value_cents)

    def pays_oneself(self) -> bool:
        """Whether who buys this, tips themselves and withdraws, invited by themselves, gets out more than they paid; bonus never does.

        Tipped, the paid credits become share % of them in coins; the purchase earned commission % of its worth.
        """
        coins_per_cny = settings.COINS_PER_CNY
        paid_in = self.value_cents * (100 - COMMISSION_PERCENT) * coins_per_cny
        return coins_per_cny <= 0 or self.paid_and_bonus()[0] * CREATOR_SHARE_PERCENT * 100 > paid_in

    def revalue(self, currency: Currency) -> None:
        """Its worth is what the floor rate makes of it. Raises ValidationError when it cannot be sold at that; saves nothing."""
        self.value_cents = currency.worth_of(self.amount_cents)
        self.judge(currency)

    def judge(self, currency: Currency | None) -> None:
        """Raises ValidationError for a worth above the floor rate, and for a price at which dealing with oneself pays."""
        if currency is None:
            raise ValidationError({"currency": _("There is no such currency: add it with its floor rate first.")})
        most = currency.worth_of(self.amount_cents)
        if most < 1:
            raise ValidationError({"amount_cents": TOO_SMALL})
        if self.value_cents > most:
            raise ValidationError({"value_cents": TOO_MUCH % {"most": most}})
        if self.pays_oneself():
            raise ValidationError({"amount_cents": PAYS_ONESELF})

    def clean(self) -> None:
        """Refuse what `judge` refuses, and a shown price a credit that this price has left behind. No worth given: the floor rate's."""
        if self.amount_cents is None or self.currency is None:
            return
        currency = Currency.objects.filter(pk=self.currency).first()
        if self.value_cents is None and currency is not None:
            self.value_cents = currency.worth_of(self.amount_cents)
        self.judge(currency)
        shown, credits_count = self.product.unit_price_shown, self.product.credits
        if self.currency != "CNY" or shown is None or not credits_count:
            return
        if abs(Decimal(self.value_cents) / 100 / credits_count - shown) >= Decimal("0.001"):
            raise ValidationError({"amount_cents": _("The unit price shown no longer fits this price: clear it or correct it.")})
