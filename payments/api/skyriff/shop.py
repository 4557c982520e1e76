"""GET products, POST payments/{create, callback} (004 §9)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer

from accounts.web.client import client_address
from config.contracts.idempotency import named
from config.contracts.skyriff.schema import REPEAT, answers, gateway_answers
from config.contracts.skyriff.views import SkyriffView
from config.kernel import clock
from payments.api.callback import notice_of_anyone
from payments.api.skyriff import serializers
from payments.exceptions import ProductUnknown
from payments.models import Order, Product
from payments.selectors.product import prices_of
from payments.services.catalogue import Terms, terms_of_product
from payments.services.order import order_create

CONTRACT = "skyriff"


class ProductsView(SkyriffView):
    """`GET products`: what is on sale; nobody needs to sign in to look."""

    signed_in = False

    @extend_schema(
        summary="Products",
        parameters=[OpenApiParameter("type", str, enum=serializers.PRODUCT_TYPES)],
        responses=answers("Products", inline_serializer("Products", {"items": serializers.ProductOutput(many=True)}), 400),
        auth=[],
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        self.limited(f"address:{client_address(request)}")
        wanted = self.chosen("type", serializers.PRODUCT_TYPES)
        shown = [kind for kind, word in serializers.TYPES.items() if wanted in (None, word)]
        return self.success(
            {"items": [serializers.product(price) for price in prices_of(contract=CONTRACT) if price.product.kind in shown]}
        )


class PaymentCreateView(SkyriffView):
    """`POST payments/create`: an order for the channel's SDK."""

    scope = "payments"

    @extend_schema(
        summary="Order a product",
        parameters=[REPEAT],
        request=serializers.PurchaseInput,
        responses=answers("PaymentCreate", serializers.PaymentOutput(), 400, 401, 403, 404, 409),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.idempotent(lambda: self.success(serializers.payment(self.bought()), "支付单创建成功"))

    def bought(self) -> Order:
        """The order of a product that the list shows."""
        return self.ordered("skyriff-payment", list(serializers.TYPES))

    def ordered(self, what: str, kinds: list[Product.Kind]) -> Order:
        """The order that the body asks for, of one of these kinds. Raises ProductUnknown."""
        data = self.validated(serializers.PurchaseInput)
        return order_create(
            user_id=self.principal.user_id,
            terms=_terms(data["product_id"], kinds),
            channel=data["pay_channel"],
            method=Order.Method.APP,
            idempotency_key=named(self.request, what),
            at=clock.now(),
        )


class CallbackView(SkyriffView):
    """`POST payments/callback`: genuine notices of the gateways, in their own words; everything else is 403."""

    signed_in = False

    @extend_schema(summary="Notices of the gateways", request=dict[str, Any], responses=gateway_answers(), auth=[])
    def post(self, request: HttpRequest) -> HttpResponse:
        return notice_of_anyone(request, contract=CONTRACT)


def _terms(product_id: int, kinds: list[Product.Kind]) -> Terms:
    terms = terms_of_product(contract=CONTRACT, number=product_id)
    if terms.kind not in kinds:
        raise ProductUnknown()
    return terms
