"""Withdrawing: coins become money at an account of one's own."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.kernel import clock
from config.kernel.errors import DomainError, InvalidInput
from config.kernel.ids import parse_uuid
from config.kernel.principal import Principal
from credits.selectors.wallet import balance_of
from operations.web.callers import signed_in
from operations.web.problems import Problem, problem_of
from payments.models import Withdrawal
from payments.selectors.withdrawal import payout_confirming, withdrawals_page
from payments.services.withdrawal import withdrawal_apply
from payments.web.buying import order_token
from payments.web.wording import METHODS, WITHDRAWAL_STATES, cny_of, coins_text, money

ROWS = 20
FIELDS = ("account", "openid", "name", "bank")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def withdraw(request: HttpRequest, principal: Principal) -> HttpResponse:
    """What can be withdrawn, the form, and what became of earlier ones; a POST applies, once for each form."""
    if request.method != "POST":
        return _page(request, principal)
    try:
        _applied(request, principal)
    except DomainError as error:
        return _page(request, principal, problem_of(error))
    messages.success(request, _("Your withdrawal is with the people who run this place: one to three working days."))
    return redirect("withdraw")


def _applied(request: HttpRequest, principal: Principal) -> Withdrawal:
    token = parse_uuid(request.POST.get("token", ""))
    if token is None:
        raise InvalidInput.field("token", "open the form anew and send it once")
    return withdrawal_apply(
        user_id=principal.user_id,
        amount_cents=_cents(request.POST.get("amount", "")),
        method=request.POST.get("method", ""),
        account={name: request.POST[name] for name in FIELDS if request.POST.get(name)},
        idempotency_key=f"page:{token}",
        at=clock.now(),
    )


def _cents(text: str) -> int:
    """CNY as people write it → cents. Raises InvalidInput."""
    try:
        exact = Decimal(text.strip().replace(",", "")) * 100
        if not exact.is_finite() or exact != exact.to_integral_value() or abs(exact) > 10**12:
            raise InvalidOperation
    except InvalidOperation as error:
        raise InvalidInput.field("amount", "an amount with at most two decimals") from error
    return int(exact)


def _page(request: HttpRequest, principal: Principal, problem: Problem | None = None) -> HttpResponse:
    balance = balance_of(principal.user_id)
    before = request.GET.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    rows = withdrawals_page(principal.user_id, before_id=before_id, limit=ROWS + 1)
    context = {
        "section": "wallet",
        "coins": coins_text(balance.coins),
        "worth": money(cny_of(balance.coins)),
        "pending": coins_text(balance.coins_pending),
        "leaving": coins_text(balance.coins_leaving),
        "least": money(settings.WITHDRAWAL_LEAST_CENTS),
        "methods": METHODS.items(),
        "given": request.POST,
        "rows": [_row(each) for each in rows[:ROWS]],
        "older": f"{reverse('withdraw')}?before={rows[ROWS - 1].pk}" if len(rows) > ROWS else "",
        "newest": reverse("withdraw") if before_id else "",
        "token": order_token(),
        "problem": problem,
    }
    return render(request, "wallet/withdraw.html", context, status=problem.status if problem else 200)


def _row(withdrawal: Withdrawal) -> dict[str, Any]:
    tone, state = WITHDRAWAL_STATES[withdrawal.status]
    return {
        "at": withdrawal.created_at,
        "amount": money(withdrawal.amount_cents),
        "method": METHODS[withdrawal.method],
        "account": withdrawal.account_shown,
        "tone": tone,
        "state": state,
        "answer": withdrawal.answer,
        "is_confirming": withdrawal.status == "sending" and payout_confirming(withdrawal) is not None,
    }
