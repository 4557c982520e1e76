"""What comes in and goes out; the schema is made of these."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from config.contracts.shared_v1.times import local
from config.contracts.studio.fields import StrictCharField, StrictChoiceField, StrictNumberField
from credits.api.reference import Subjects
from credits.selectors.wallet import LedgerRow
from payments.api.studio import words
from payments.models import MembershipPeriod, Order
from payments.states import OrderState

GATEWAYS = ["alipay", "wechat"]
STATUS = {OrderState.CANCELLED: OrderState.FAILED, OrderState.EXPIRED: OrderState.FAILED}
"""Ends without money are `failed`."""
SHOWN = [state for state in OrderState if state not in STATUS]


class RechargeInput(serializers.Serializer[Any]):
    """An amount of CNY at the base rate of 0.10 a credit."""

    amount = StrictNumberField(help_text="CNY: 1.00 to 50,000 in steps of 0.10")
    payment_method = StrictChoiceField(choices=GATEWAYS)
    coupon_code = StrictCharField(required=False, allow_null=True, allow_blank=True, max_length=64)


class MembershipInput(serializers.Serializer[Any]):
    """A membership, paid by a gateway or from paid credits."""

    membership_type = StrictChoiceField(choices=MembershipPeriod.Type.choices)
    payment_method = StrictChoiceField(choices=[*GATEWAYS, "balance"])


class RechargeOutput(serializers.Serializer[Any]):
    order_id = serializers.CharField()
    amount = serializers.FloatField(help_text="CNY to be paid")
    credits = serializers.IntegerField()
    payment_url = serializers.CharField()


class MembershipOutput(serializers.Serializer[Any]):
    order_id = serializers.CharField()
    membership_type = serializers.ChoiceField(choices=MembershipPeriod.Type.choices)
    amount = serializers.FloatField(help_text="CNY")
    payment_url = serializers.CharField(allow_null=True)


class BalanceOutput(serializers.Serializer[Any]):
    credit_balance = serializers.IntegerField()
    is_member = serializers.BooleanField()
    membership_type = serializers.ChoiceField(choices=MembershipPeriod.Type.choices, allow_null=True)
    membership_end_date = serializers.CharField(allow_null=True, help_text="UTC+8, without zone")


class TransactionOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    type = serializers.ChoiceField(choices=words.TYPES)
    amount = serializers.IntegerField()
    balance_after = serializers.IntegerField()
    description = serializers.CharField()
    created_at = serializers.CharField(help_text="UTC+8, without zone")


class OrderOutput(serializers.Serializer[Any]):
    order_id = serializers.CharField()
    amount = serializers.FloatField()
    payment_method = serializers.ChoiceField(choices=Order.Channel.choices)
    status = serializers.ChoiceField(choices=SHOWN)
    created_at = serializers.CharField(help_text="UTC+8, without zone")
    paid_at = serializers.CharField(allow_null=True, help_text="UTC+8, without zone")


class RechargeOrderOutput(OrderOutput):
    credits = serializers.IntegerField()


class MembershipOrderOutput(OrderOutput):
    membership_type = serializers.ChoiceField(choices=MembershipPeriod.Type.choices)


def payment_url(order: Order) -> str:
    """Where the payer goes: the gateway's page, or ours with the QR code."""
    return order.payment_url or f"{settings.PUBLIC_BASE_URL}/pay/{order.uuid}/"


def recharge(order: Order) -> dict[str, Any]:
    """A new recharge; `amount` is what is to be paid."""
    return {
        "order_id": order.number,
        "amount": order.amount_cents / 100,
        "credits": order.credits,
        "payment_url": payment_url(order),
    }


def membership(order: Order, membership_type: str) -> dict[str, Any]:
    """A new membership order; what was paid by balance has nowhere to go."""
    url = None if order.channel == Order.Channel.BALANCE else payment_url(order)
    return {"order_id": order.number, "membership_type": membership_type, "amount": order.amount_cents / 100, "payment_url": url}


def transaction(row: LedgerRow, subjects: Subjects) -> dict[str, Any]:
    """One transaction of the wallet, buckets summed."""
    return {
        "id": row.transaction_id,
        "type": words.WORDS[row.kind][0],
        "amount": row.credits,
        "balance_after": row.credits_balance or 0,
        "description": words.description(row, subjects),
        "created_at": local(row.created_at),
    }


def order_row(order: Order) -> dict[str, Any]:
    """What the rows of both lists of orders have in common."""
    return {
        "order_id": order.number,
        "amount": order.amount_cents / 100,
        "payment_method": order.channel,
        "status": str(STATUS.get(OrderState(order.status), order.status)),
        "created_at": local(order.created_at),
        "paid_at": local(order.paid_at),
    }
