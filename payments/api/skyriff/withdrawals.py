"""POST withdrawals/create and GET withdrawals/me (004 §13)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from config.contracts.idempotency import named
from config.contracts.skyriff.errors import cny
from config.contracts.skyriff.schema import CURSOR, LIMIT, REPEAT, answers, page
from config.contracts.skyriff.views import SkyriffView
from config.kernel import clock
from payments.api.skyriff import serializers
from payments.exceptions import AmountNotAllowed
from payments.selectors.withdrawal import withdrawals_page
from payments.services.withdrawal import withdrawal_apply

ARRIVAL = "1-3个工作日"


class WithdrawalCreateView(SkyriffView):
    """`POST withdrawals/create`: coins leave, operators decide. A key cannot do this, only somebody who is signed in."""

    session_only = True

    @extend_schema(
        summary="Ask for money for coins",
        parameters=[REPEAT],
        request=serializers.WithdrawalInput,
        responses=answers("WithdrawalCreate", serializers.AppliedOutput(), 400, 401, 403, 409),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.idempotent(self.applied)

    def applied(self) -> HttpResponse:
        """The answer with the application that the body makes."""
        data = self.validated(serializers.WithdrawalInput)
        withdrawal = withdrawal_apply(
            user_id=self.principal.user_id,
            amount_cents=_cents(data["amount_cny"]),
            method=data["method"],
            account=data["account_info"],
            idempotency_key=named(self.request, "skyriff-withdrawal") or str(uuid.uuid4()),
            at=clock.now(),
        )
        answer = {
            "withdrawal_id": withdrawal.pk,
            "amount_cny": cny(withdrawal.amount_cents),
            "status": serializers.withdrawal_status(withdrawal),
            "estimated_arrival": ARRIVAL,
        }
        return self.success(answer, "提现申请已提交")


class MyWithdrawalsView(SkyriffView):
    """`GET withdrawals/me`."""

    session_only = True

    @extend_schema(
        summary="The caller's withdrawals",
        parameters=[CURSOR, LIMIT],
        responses=answers("Withdrawals", page("Withdrawals", serializers.WithdrawalOutput), 400, 401, 403),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        before, limit = self.page_asked("withdrawals")
        rows = withdrawals_page(self.principal.user_id, before_id=before, limit=limit + 1)
        return self.page("withdrawals", rows, limit, render=serializers.withdrawal, position=lambda row: row.pk)


def _cents(amount: float) -> int:
    """Cents of a CNY amount. Raises AmountNotAllowed for fractions of a cent."""
    cents = serializers.cents_of(amount)
    if cents is None:
        raise AmountNotAllowed(least_cents=settings.WITHDRAWAL_LEAST_CENTS, most_cents=settings.WITHDRAWAL_MOST_CENTS)
    return cents
