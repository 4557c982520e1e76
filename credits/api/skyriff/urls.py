"""Routes of this room's part of contract `skyriff`, relative to /v1/."""

from django.urls import path

from credits.api.skyriff import wallet

urlpatterns = [
    path("me/wallets", wallet.WalletsView.as_view()),
    path("wallet/ledgers", wallet.LedgersView.as_view()),
]
