"""Packages, orders, and where an order stands."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from config.contracts.video.schema import answers
from config.contracts.video.views import VideoView
from config.kernel import clock, limits
from config.kernel.errors import InvalidInput
from config.kernel.ids import parse_uuid
from payments.api.video import serializers
from payments.exceptions import OrderRefused, ProductUnknown
from payments.models import Order
from payments.selectors.order import order_of
from payments.selectors.product import prices_of
from payments.services.catalogue import BASE_CENTS, Terms, terms_agreed, terms_of_product
from payments.services.order import order_create

CONTRACT = "video"
ORDERS_A_MINUTE = 120


class PackagesView(VideoView):
    """`GET /api/payments/packages` (000 §5.1)."""

    caller = "none"

    @extend_schema(summary="Packages", responses=answers(serializers.PackagesOutput, validated=False), auth=[])
    def get(self, request: HttpRequest) -> Response:
        packages = {price.product.slug: serializers.package(price) for price in prices_of(contract=CONTRACT)}
        return Response({"packages": packages, "credit_value_rmb": BASE_CENTS / 100})


class StripeCreateView(VideoView):
    """`POST /api/payments/stripe/create` (000 §5.2, 001 §5.2)."""

    scope = "payments"
    channel: ClassVar[str] = Order.Channel.STRIPE

    @extend_schema(
        summary="Order credits, paid by card",
        request=serializers.OrderInput,
        responses=answers(serializers.PaymentOutput, 400, 401, 403, 409),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.idempotent(lambda: Response(self.rendered(self.ordered())))

    def rendered(self, order: Order) -> dict[str, Any]:
        """The order in this channel's words."""
        return serializers.payment(order)

    def ordered(self) -> Order:
        """The order that the body asks for. The client's key makes a repeat after a lost answer the same order."""
        limits.take("order_create", str(self.principal.user_id), ORDERS_A_MINUTE, 60)
        data = self.validated(serializers.OrderInput)
        named = self.idempotency_key()
        return order_create(
            user_id=self.principal.user_id,
            terms=terms_asked(data),
            channel=self.channel,
            return_url=data.get("return_url", ""),
            idempotency_key=f"{self.channel}:{hashlib.sha256(named[0].encode()).hexdigest()}" if named else "",
            at=clock.now(),
        )


class WechatCreateView(StripeCreateView):
    """`POST /api/payments/wechat/create` (001 §5.1): as Stripe's, with `code_url`."""

    channel = Order.Channel.WECHAT

    @extend_schema(
        summary="Order credits, paid by WeChat",
        request=serializers.OrderInput,
        responses=answers(serializers.WechatPaymentOutput, 400, 401, 403, 409),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return super().post(request)

    def rendered(self, order: Order) -> dict[str, Any]:
        return {**serializers.payment(order), "code_url": order.code_url or None}


class PaymentView(VideoView):
    """`GET /api/payments/{payment_id}` (000 §5.3): the owner's own order; it only reads."""

    scope = "payments"

    @extend_schema(summary="Where a payment stands", responses=answers(serializers.PaymentStatusOutput, 401, 403, 404, validated=False))
    def get(self, request: HttpRequest, payment_id: str) -> Response:
        order = order_of(user_id=self.principal.user_id, order_uuid=parse_uuid(payment_id))
        return Response(serializers.payment_status(order))


def terms_asked(data: dict[str, Any]) -> Terms:
    """The deal that the body names, by package, by numbers, or by both when they agree. Raises InvalidInput, OrderRefused."""
    by_numbers = _terms_by_numbers(data) if "amount" in data or "credits" in data else None
    if "package" not in data:
        if by_numbers is None:
            raise InvalidInput.field("package", "field required", "value_error.missing")
        return by_numbers
    terms = _terms_by_package(data["package"])
    if data.get("currency", terms.currency) != terms.currency or by_numbers not in (None, terms):
        raise OrderRefused()
    return terms


def _terms_by_package(package: str) -> Terms:
    try:
        return terms_of_product(contract=CONTRACT, slug=package)
    except ProductUnknown as error:
        permitted = ", ".join(f"'{price.product.slug}'" for price in prices_of(contract=CONTRACT))
        message = f"value is not a valid enumeration member; permitted: {permitted}"
        raise InvalidInput.field("package", message, "type_error.enum") from error


def _terms_by_numbers(data: dict[str, Any]) -> Terms:
    for name in ("amount", "credits"):
        if name not in data:
            raise InvalidInput.field(name, "field required", "value_error.missing")
    cents = _cents(data["amount"])
    return terms_agreed(contract=CONTRACT, amount_cents=cents, currency=data.get("currency", "CNY"), credits_count=data["credits"])


def _cents(amount: float) -> int:
    """CNY as a JSON number → cents. Raises OrderRefused for fractions of a cent."""
    exact = Decimal(str(amount)) * 100
    if exact != exact.to_integral_value():
        raise OrderRefused()
    return int(exact)
