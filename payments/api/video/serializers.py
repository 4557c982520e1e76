"""What comes in and goes out; the schema is made of these."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.contracts.video.fields import StrictCharField, StrictFloatField, StrictIntegerField
from config.kernel.clock import iso_z
from payments.models import Order, ProductPrice
from payments.states import OrderState

STATUS = {OrderState.CANCELLED: OrderState.FAILED, OrderState.EXPIRED: OrderState.FAILED}
"""The contract knows five states; ends without money are `failed`."""
SHOWN = [state for state in OrderState if state not in STATUS]


class OrderInput(serializers.Serializer[Any]):
    """A package by its name, or (001) the amount and the credits that agree with one or with the base rate."""

    package = StrictCharField(required=False, max_length=40, help_text="trial, standard, value or premium")
    amount = StrictFloatField(required=False, help_text="CNY")
    currency = StrictCharField(required=False, max_length=3)
    credits = StrictIntegerField(required=False)
    return_url = StrictCharField(required=False, max_length=2000, allow_blank=True)


class PackageOutput(serializers.Serializer[Any]):
    """One package on sale."""

    name = serializers.CharField()
    credits = serializers.IntegerField()
    price = serializers.FloatField()
    currency = serializers.CharField()
    unit_price = serializers.FloatField()


class PackagesOutput(serializers.Serializer[Any]):
    """All packages by their names."""

    packages = serializers.DictField(child=PackageOutput())
    credit_value_rmb = serializers.FloatField()


class PaymentOutput(serializers.Serializer[Any]):
    """An order as its creation answers it."""

    payment_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=SHOWN)
    amount = serializers.FloatField()
    currency = serializers.CharField()
    credits_purchased = serializers.IntegerField()
    payment_url = serializers.CharField(allow_null=True)


class WechatPaymentOutput(PaymentOutput):
    """The same with what a QR code holds."""

    code_url = serializers.CharField(allow_null=True)


class PaymentStatusOutput(PaymentOutput):
    """An order as it is now."""

    created_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)


def package(price: ProductPrice) -> dict[str, Any]:
    """A package; money as JSON numbers."""
    return {
        "name": price.product.name,
        "credits": price.product.credits,
        "price": price.amount_cents / 100,
        "currency": price.currency,
        "unit_price": float(price.unit_price()),
    }


def payment(order: Order) -> dict[str, Any]:
    """An order in the words of `stripe/create`; `amount` in the currency's unit with two decimals."""
    return {
        "payment_id": str(order.uuid),
        "status": str(STATUS.get(OrderState(order.status), order.status)),
        "amount": order.amount_cents / 100,
        "currency": order.currency,
        "credits_purchased": order.credits,
        "payment_url": order.payment_url or None,
    }


def payment_status(order: Order) -> dict[str, Any]:
    """An order in the words of `GET /api/payments/{payment_id}`."""
    return {**payment(order), "created_at": iso_z(order.created_at), "paid_at": iso_z(order.paid_at)}
