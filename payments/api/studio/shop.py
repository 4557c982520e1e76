"""POST credit/{recharge, membership, payment/callback} (003, contracts/README.md "The studio's shop")."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from config.contracts.idempotency import named
from config.contracts.studio.schema import REPEAT, answers, gateway_answers
from config.contracts.studio.views import StudioView
from config.kernel import clock
from operations.exceptions import CouponInvalid
from payments.api.callback import notice_of_anyone
from payments.api.studio import serializers
from payments.exceptions import OrderRefused
from payments.models import Order
from payments.services.balance import order_pay_by_balance
from payments.services.catalogue import terms_of_amount, terms_of_product
from payments.services.order import order_create

CONTRACT = "studio"


class RechargeView(StudioView):
    """`POST credit/recharge`."""

    scope = "payments"

    @extend_schema(
        summary="Order credits for an amount of money",
        parameters=[REPEAT],
        request=serializers.RechargeInput,
        responses=answers("Recharge", serializers.RechargeOutput(), 400, 401, 403, 409),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.idempotent(lambda: self.success("订单创建成功", serializers.recharge(self.ordered())))

    def ordered(self) -> Order:
        """The order that the body asks for. Raises CouponInvalid for any code: there are no coupons."""
        data = self.validated(serializers.RechargeInput)
        if data.get("coupon_code"):
            raise CouponInvalid()
        return order_create(
            user_id=self.principal.user_id,
            terms=terms_of_amount(contract=CONTRACT, amount_cents=cents_of(data["amount"])),
            channel=data["payment_method"],
            idempotency_key=named(self.request, "studio-recharge"),
            at=clock.now(),
        )


class MembershipView(StudioView):
    """`POST credit/membership`; `balance` settles at once, from paid credits only."""

    scope = "payments"

    @extend_schema(
        summary="Order a membership",
        parameters=[REPEAT],
        request=serializers.MembershipInput,
        responses=answers("Membership", serializers.MembershipOutput(), 400, 401, 403, 404, 409),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.idempotent(self.ordered)

    def ordered(self) -> HttpResponse:
        """The answer with the order that the body asks for."""
        data = self.validated(serializers.MembershipInput)
        order = self._paid_by_balance(data) if data["payment_method"] == Order.Channel.BALANCE else self._placed(data)
        return self.success("会员订单创建成功", serializers.membership(order, data["membership_type"]))

    def _placed(self, data: dict[str, Any]) -> Order:
        return order_create(
            user_id=self.principal.user_id,
            terms=terms_of_product(contract=CONTRACT, slug=data["membership_type"]),
            channel=data["payment_method"],
            idempotency_key=named(self.request, "studio-membership"),
            at=clock.now(),
        )

    def _paid_by_balance(self, data: dict[str, Any]) -> Order:
        return order_pay_by_balance(
            user_id=self.principal.user_id,
            terms=terms_of_product(contract=CONTRACT, slug=data["membership_type"]),
            idempotency_key=named(self.request, "studio-membership"),
            at=clock.now(),
        )


class CallbackView(StudioView):
    """`POST credit/payment/callback`: genuine notices of the gateways, in their own words; everything else is 403."""

    signed_in = False

    @extend_schema(
        summary="Notices of the gateways",
        request=dict[str, Any],
        responses=gateway_answers(),
        auth=[],
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return notice_of_anyone(request, contract=CONTRACT)


def cents_of(amount: float) -> int:
    """CNY as a JSON number → cents. Raises OrderRefused for fractions of a cent."""
    exact = Decimal(str(amount)) * 100
    if exact != exact.to_integral_value():
        raise OrderRefused()
    return int(exact)
