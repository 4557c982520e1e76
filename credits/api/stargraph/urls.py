"""Routes of this room's part of contract `stargraph`, relative to /api/v1/."""

from django.urls import path

from credits.api.stargraph import funds

urlpatterns = [
    path("users/balance", funds.BalanceView.as_view()),
    path("users/fund-records", funds.FundRecordsView.as_view()),
]
