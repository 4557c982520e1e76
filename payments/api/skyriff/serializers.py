"""What comes in and goes out; the schema is made of these."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from config.contracts.skyriff.errors import cny
from config.contracts.skyriff.fields import StrictChoiceField, StrictIntegerField, StrictNumberField, StrictObjectField
from config.kernel.clock import iso_z
from payments.models import Order, Product, ProductPrice, Withdrawal
from payments.states import WithdrawalState

TYPES = {Product.Kind.CREDIT_PACK: "credits_pack", Product.Kind.MONTHLY_CARD: "subscription_monthly"}
"""What the list of products shows, in the document's words; coins are never sold."""
PRODUCT_TYPES = [*TYPES.values(), "coins_pack"]
CHANNELS = ["wechat", "alipay"]
STATUS = {WithdrawalState.SENDING: WithdrawalState.APPROVED, WithdrawalState.UNKNOWN: WithdrawalState.APPROVED}
"""The contract knows four states: what is on its way is approved."""
SHOWN = [state for state in WithdrawalState if state not in STATUS]


class PurchaseInput(serializers.Serializer[Any]):
    product_id = StrictIntegerField()
    pay_channel = StrictChoiceField(choices=CHANNELS)


class WithdrawalInput(serializers.Serializer[Any]):
    amount_cny = StrictNumberField(help_text="At most two decimals")
    method = StrictChoiceField(choices=Withdrawal.Method.choices)
    account_info = StrictObjectField(help_text="alipay: account, name; wechat: openid; bank_card: account, name, bank")


class ProductOutput(serializers.Serializer[Any]):
    product_id = serializers.IntegerField()
    type = serializers.ChoiceField(choices=PRODUCT_TYPES)
    name = serializers.CharField()
    price_cny = serializers.FloatField()
    credits_amount = serializers.IntegerField(help_text="Of a monthly card: of all its claims.")
    description = serializers.CharField(allow_blank=True)


class PaymentOutput(serializers.Serializer[Any]):
    payment_id = serializers.IntegerField()
    amount_cny = serializers.FloatField()
    pay_params = serializers.DictField(child=serializers.CharField(), help_text="For the channel's SDK.")
    expire_at = serializers.DateTimeField()
    payment_url = serializers.CharField(required=False, help_text="Demo mode: the sandbox's page.")


class CardPaymentOutput(PaymentOutput):
    subscription_id = serializers.IntegerField()


class CardOutput(serializers.Serializer[Any]):
    subscription_id = serializers.IntegerField()
    start_at = serializers.DateTimeField()
    end_at = serializers.DateTimeField()
    days_remaining = serializers.IntegerField()
    today_claimed = serializers.BooleanField()


class ClaimOutput(serializers.Serializer[Any]):
    credits_claimed = serializers.IntegerField()
    new_balance = serializers.IntegerField()


class AppliedOutput(serializers.Serializer[Any]):
    withdrawal_id = serializers.IntegerField()
    amount_cny = serializers.FloatField()
    status = serializers.ChoiceField(choices=SHOWN)
    estimated_arrival = serializers.CharField()


class WithdrawalOutput(serializers.Serializer[Any]):
    withdrawal_id = serializers.IntegerField()
    amount_cny = serializers.FloatField()
    method = serializers.ChoiceField(choices=Withdrawal.Method.choices)
    status = serializers.ChoiceField(choices=SHOWN)
    created_at = serializers.DateTimeField()
    processed_at = serializers.DateTimeField(allow_null=True)


def product(price: ProductPrice) -> dict[str, Any]:
    """A product on sale."""
    found = price.product
    claims = found.claim_credits * found.period_days
    return {
        "product_id": found.number,
        "type": TYPES[Product.Kind(found.kind)],
        "name": found.name,
        "price_cny": cny(price.amount_cents),
        "credits_amount": found.credits + claims,
        "description": found.description,
    }


def payment(order: Order) -> dict[str, Any]:
    """A new payment as the client's app takes it to the channel."""
    page = {"payment_url": order.payment_url} if order.payment_url else {}
    return {
        "payment_id": order.pk,
        "amount_cny": cny(order.amount_cents),
        "pay_params": order.pay_params,
        "expire_at": iso_z(order.expires_at),
        **page,
    }


def withdrawal_status(withdrawal: Withdrawal) -> str:
    """The withdrawal's state in the document's words."""
    return str(STATUS.get(WithdrawalState(withdrawal.status), withdrawal.status))


def withdrawal(row: Withdrawal) -> dict[str, Any]:
    """A row of the caller's withdrawals."""
    return {
        "withdrawal_id": row.pk,
        "amount_cny": cny(row.amount_cents),
        "method": row.method,
        "status": withdrawal_status(row),
        "created_at": iso_z(row.created_at),
        "processed_at": iso_z(row.processed_at),
    }


def cents_of(amount: float) -> int | None:
    """CNY as a JSON number → cents; None between two cents."""
    exact = Decimal(str(amount)) * 100
    return int(exact) if exact == exact.to_integral_value() else None
