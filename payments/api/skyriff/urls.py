"""Routes of this room's part of contract `skyriff`, relative to /v1/."""

from django.urls import path

from payments.api.skyriff import cards, shop, withdrawals

urlpatterns = [
    path("products", shop.ProductsView.as_view()),
    path("payments/create", shop.PaymentCreateView.as_view()),
    path("payments/callback", shop.CallbackView.as_view()),
    path("subscriptions/me", cards.MyCardView.as_view()),
    path("subscriptions/buy", cards.CardBuyView.as_view()),
    path("subscriptions/claim_daily", cards.ClaimView.as_view()),
    path("withdrawals/create", withdrawals.WithdrawalCreateView.as_view()),
    path("withdrawals/me", withdrawals.MyWithdrawalsView.as_view()),
]
