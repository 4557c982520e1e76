"""GET credit/{balance, transactions, recharge/orders, membership/orders} (003, contracts/README.md "The studio's shop")."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.shared.membership import membership_fields
from config.contracts.studio.schema import PAGE, PAGE_SIZE, answers, page
from config.contracts.studio.views import StudioView
from credits.api.reference import subjects_of
from credits.selectors.statement import ledger_page_numbered
from credits.selectors.wallet import balance_of
from payments.api.studio import serializers
from payments.models import Order, Product
from payments.selectors.numbered import orders_page_numbered


class BalanceView(StudioView):
    """`GET credit/balance`."""

    scope = "profile"

    @extend_schema(summary="Credits and membership", responses=answers("Balance", serializers.BalanceOutput(), 401, 403))
    def get(self, request: HttpRequest) -> HttpResponse:
        user_id = self.principal.user_id
        return self.success("success", {"credit_balance": balance_of(user_id).available, **membership_fields(user_id)})


class NumberedView(StudioView):
    """A list in pages by number."""

    def numbered(self, items: list[dict[str, Any]], total: int, number: int, size: int) -> HttpResponse:
        """One page in the document's words."""
        return self.success("success", {"total": total, "page": number, "page_size": size, "items": items})


class TransactionsView(NumberedView):
    """`GET credit/transactions`."""

    scope = "profile"

    @extend_schema(
        summary="What changed the credits",
        parameters=[PAGE, PAGE_SIZE],
        responses=answers("Transactions", page("Transactions", serializers.TransactionOutput), 400, 401, 403),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        number, size = self.page_asked()
        found = ledger_page_numbered(self.principal.user_id, page=number, page_size=size)
        subjects = subjects_of(self.principal.user_id, found.rows)
        return self.numbered([serializers.transaction(row, subjects) for row in found.rows], found.total, number, size)


class RechargeOrdersView(NumberedView):
    """`GET credit/recharge/orders`."""

    scope = "payments"
    kind = Product.Kind.CREDIT_PACK

    @extend_schema(
        summary="The caller's recharges",
        parameters=[PAGE, PAGE_SIZE],
        responses=answers("RechargeOrders", page("RechargeOrders", serializers.RechargeOrderOutput), 400, 401, 403),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        number, size = self.page_asked()
        found = orders_page_numbered(user_id=self.principal.user_id, kind=self.kind, page=number, page_size=size)
        return self.numbered([self.rendered(order) for order in found.orders], found.total, number, size)

    def rendered(self, order: Order) -> dict[str, Any]:
        """A row of this list."""
        return {**serializers.order_row(order), "credits": order.credits}


class MembershipOrdersView(RechargeOrdersView):
    """`GET credit/membership/orders`."""

    kind = Product.Kind.MEMBERSHIP

    @extend_schema(
        summary="The caller's membership orders",
        parameters=[PAGE, PAGE_SIZE],
        responses=answers("MembershipOrders", page("MembershipOrders", serializers.MembershipOrderOutput), 400, 401, 403),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        return super().get(request)

    def rendered(self, order: Order) -> dict[str, Any]:
        return {**serializers.order_row(order), "membership_type": order.product.slug if order.product else None}
