"""Orders: what somebody wants to buy, and what became of it."""

from __future__ import annotations

import uuid

from django.db import models

from accounts.models import User
from config.kernel import clock
from payments.models.product import Product
from payments.states import PAID, OrderState


class Order(models.Model):
    """One purchase. What it costs and brings is fixed when it is placed; its money is believed only when proven."""

    class Channel(models.TextChoices):
        STRIPE = "stripe"
        WECHAT = "wechat"
        ALIPAY = "alipay"
        SANDBOX = "sandbox"
        BALANCE = "balance"  # from the buyer's own paid credits

    class Method(models.TextChoices):
        """How a channel takes the money: each is one kind of checkout."""

        CHECKOUT = "checkout"  # a page of the gateway's (Stripe, sandbox)
        NATIVE = "native"  # WeChat: a QR code
        JSAPI = "jsapi"  # WeChat: inside WeChat, needs the payer's openid
        H5 = "h5"  # WeChat: a phone's browser
        APP = "app"  # WeChat and Alipay: a phone's app
        PAGE = "page"  # Alipay: a computer's browser
        WAP = "wap"  # Alipay: a phone's browser
        BALANCE = "balance"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="orders")
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, related_name="orders", help_text="Empty: an amount at the base rate."
    )
    contract = models.CharField(max_length=12, choices=Product.Contract)
    kind = models.CharField(max_length=24, choices=Product.Kind, default=Product.Kind.CREDIT_PACK)
    channel = models.CharField(max_length=8, choices=Channel)
    method = models.CharField(max_length=10, choices=Method, default=Method.CHECKOUT)
    payer_id = models.CharField(max_length=128, blank=True, help_text="The payer's openid, where the channel needs it.")
    payer_address = models.GenericIPAddressField(null=True)
    is_sandbox = models.BooleanField(default=False, help_text="Served by the sandbox gateway of demo mode.")
    status = models.CharField(max_length=16, choices=OrderState, default=OrderState.PENDING)
    title = models.CharField(max_length=120)
    amount_cents = models.PositiveBigIntegerField(help_text="To be paid, in the currency's smallest unit.")
    currency = models.CharField(max_length=3, default="CNY")
    value_cents = models.PositiveBigIntegerField(help_text="CNY cents that the books count it for.")
    paid_credits = models.PositiveBigIntegerField(default=0)
    bonus_credits = models.PositiveBigIntegerField(default=0)
    bonus_source = models.CharField(max_length=64, default="sales", help_text="Who pays the bonus: sales, or campaign:<slug>.")
    external_id = models.CharField(max_length=255, blank=True, help_text="The gateway's id of the checkout.")
    charge_id = models.CharField(max_length=255, blank=True, help_text="The gateway's id of the payment itself: what a refund names.")
    payment_url = models.TextField(blank=True)
    code_url = models.TextField(blank=True, help_text="What a QR code holds.")
    pay_params = models.JSONField(default=dict, help_text="What a client's app hands to the gateway's SDK, signed.")
    return_url = models.CharField(max_length=2000, blank=True)
    idempotency_key = models.CharField(max_length=255, help_text="The client's, or the order's own when there was none.")
    input_hash = models.BinaryField(max_length=32)
    failure = models.CharField(max_length=200, blank=True)
    transaction_id = models.BigIntegerField(null=True, help_text="The credits' transaction that settled it.")
    refunded_cents = models.PositiveBigIntegerField(default=0, help_text="Of `amount_cents`, by refunds that succeeded.")
    taken_paid = models.PositiveBigIntegerField(default=0, help_text="Of its paid credits, taken back or being taken back.")
    taken_bonus = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ask_after = models.DateTimeField(null=True, help_text="While it is pending: its gateway is asked at this time.")
    processing_at = models.DateTimeField(null=True, help_text="The payer is done and the gateway waits for the money.")
    paid_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="order_idempotency_unique"),
            models.UniqueConstraint(fields=["channel", "external_id"], condition=~models.Q(external_id=""), name="order_external_unique"),
            models.CheckConstraint(condition=models.Q(amount_cents__gt=0, value_cents__gt=0), name="order_amount_positive"),
            models.CheckConstraint(condition=models.Q(value_cents__gte=models.F("paid_credits") * 5), name="order_floor_price"),
            models.CheckConstraint(
                condition=models.Q(
                    refunded_cents__lte=models.F("amount_cents"),
                    taken_paid__lte=models.F("paid_credits"),
                    taken_bonus__lte=models.F("bonus_credits"),
                ),
                name="order_refunded_at_most",
            ),
            models.CheckConstraint(condition=~models.Q(currency="CNY") | models.Q(value_cents=models.F("amount_cents")), name="order_cny"),
            models.CheckConstraint(
                condition=models.Q(status__in=sorted(PAID), paid_at__isnull=False)
                | (~models.Q(status__in=sorted(PAID)) & models.Q(paid_at__isnull=True)),
                name="order_paid_at",
            ),
        )
        indexes = (
            models.Index(fields=["user", "-id"], name="order_user"),
            models.Index(fields=["user", "kind", "-id"], name="order_user_kind"),
            models.Index(fields=["channel", "paid_at"], name="order_paid", condition=models.Q(paid_at__isnull=False)),
            models.Index(fields=["expires_at"], name="order_due", condition=models.Q(status="pending")),
            models.Index(fields=["ask_after"], name="order_ask", condition=models.Q(status="pending")),
            models.Index(fields=["charge_id"], name="order_charge", condition=~models.Q(charge_id="")),
        )

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def number(self) -> str:
        """The number that people read and gateways are told where ids are short: a letter, the day (Asia/Shanghai), our count."""
        letter = "M" if self.kind in (Product.Kind.MEMBERSHIP, Product.Kind.MONTHLY_CARD) else "R"
        return f"{letter}{clock.day_of(self.created_at):%Y%m%d}{self.pk:07d}"

    @property
    def has_checkout(self) -> bool:
        """Whether its payer has somewhere to go."""
        return bool(self.payment_url or self.code_url or self.pay_params)

    @property
    def credits(self) -> int:
        """Paid and bonus credits together: what the buyer sees."""
        return self.paid_credits + self.bonus_credits
