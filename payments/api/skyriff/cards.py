"""GET subscriptions/me, POST subscriptions/{buy, claim_daily} (004 §10)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema, inline_serializer

from config.contracts.skyriff.schema import REPEAT, answers
from config.contracts.skyriff.views import SkyriffView
from config.kernel import clock
from config.kernel.clock import iso_z
from payments.api.skyriff import serializers
from payments.api.skyriff.shop import PaymentCreateView
from payments.models import MonthlyCard, Product
from payments.selectors.subscription import Card, card_of
from payments.services.card import card_claim


class MyCardView(SkyriffView):
    """`GET subscriptions/me`."""

    scope = "profile"

    @extend_schema(
        summary="The caller's monthly card",
        responses=answers(
            "MyCard", inline_serializer("MyCard", {"active_subscription": serializers.CardOutput(allow_null=True)}), 401, 403
        ),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        card = card_of(self.principal.user_id, clock.now())
        return self.success({"active_subscription": _rendered(card) if card else None})


class CardBuyView(PaymentCreateView):
    """`POST subscriptions/buy`: an order for a monthly card; `subscription_id` is the card that waits for its money."""

    @extend_schema(
        summary="Order a monthly card",
        parameters=[REPEAT],
        request=serializers.PurchaseInput,
        responses=answers("CardBuy", serializers.CardPaymentOutput(), 400, 401, 403, 404, 409),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.idempotent(self.card_bought)

    def card_bought(self) -> HttpResponse:
        """The answer with the card's order."""
        order = self.ordered("skyriff-card", [Product.Kind.MONTHLY_CARD])
        card = MonthlyCard.objects.only("pk").get(order=order)
        return self.success({"subscription_id": card.pk, **serializers.payment(order)}, "支付单创建成功")


class ClaimView(SkyriffView):
    """`POST subscriptions/claim_daily`: today's credits of the card, once a day of Asia/Shanghai."""

    scope = "payments"

    @extend_schema(summary="Claim today's credits", request=None, responses=answers("Claim", serializers.ClaimOutput(), 400, 401, 403))
    def post(self, request: HttpRequest) -> HttpResponse:
        claimed = card_claim(user_id=self.principal.user_id, at=clock.now())
        return self.success({"credits_claimed": claimed.credits, "new_balance": claimed.balance}, "领取成功")


def _rendered(card: Card) -> dict[str, object]:
    return {
        "subscription_id": card.subscription_id,
        "start_at": iso_z(card.start_at),
        "end_at": iso_z(card.end_at),
        "days_remaining": card.days_remaining,
        "today_claimed": card.today_claimed,
    }
