"""Routes of this room's part of contract `studio`, relative to /api/v1/."""

from django.urls import path

from payments.api.studio import lists, shop

urlpatterns = [
    path("credit/recharge", shop.RechargeView.as_view()),
    path("credit/membership", shop.MembershipView.as_view()),
    path("credit/payment/callback", shop.CallbackView.as_view()),
    path("credit/balance", lists.BalanceView.as_view()),
    path("credit/transactions", lists.TransactionsView.as_view()),
    path("credit/recharge/orders", lists.RechargeOrdersView.as_view()),
    path("credit/membership/orders", lists.MembershipOrdersView.as_view()),
]
