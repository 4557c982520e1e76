"""The wallet: what one has, how it came to be, and what to do with it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from config.kernel import clock
from config.kernel.errors import DomainError
from config.kernel.principal import Principal
from credits.api.reference import Subjects, subjects_of
from credits.models import Wallet
from credits.selectors.wallet import LedgerRow, balance_of, ledger_page
from operations.web.callers import signed_in
from operations.web.problems import problem_of
from payments.models import Product
from payments.selectors.product import prices_of
from payments.selectors.subscription import card_of, membership_of
from payments.services.card import card_claim
from payments.web.buying import choices_of, order_token
from payments.web.wording import FILTERS, cny_of, coins_text, entry_of, money, ways_to_pay

ROWS = 20


@require_GET
@signed_in
def wallet(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Three figures, the ledger, and aside what can be bought."""
    user_id, at = principal.user_id, clock.now()
    context = {
        "section": "wallet",
        **_figures(user_id),
        **_ledger(request, user_id),
        "packs": choices_of(prices_of(contract=Product.Contract.VIDEO, kind=Product.Kind.CREDIT_PACK)),
        "ways": ways_to_pay(),
        "token": order_token(),
        "membership": membership_of(user_id, at),
        "card": card_of(user_id, at),
    }
    return render(request, "wallet/wallet.html", context)


@require_POST
@signed_in
def claim(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The day's credits of a monthly card are in the wallet."""
    try:
        claimed = card_claim(user_id=principal.user_id, at=clock.now())
    except DomainError as error:
        messages.error(request, problem_of(error).text)
    else:
        messages.success(request, _("%(n)s credits of today are in your wallet.") % {"n": claimed.credits})
    return redirect("wallet")


def _figures(user_id: int) -> dict[str, Any]:
    balance = balance_of(user_id)
    row = Wallet.objects.filter(pk=user_id).values("shortfall", "disputes").first() or {"shortfall": 0, "disputes": 0}
    return {
        "balance": balance,
        "coins": coins_text(balance.coins),
        "coins_worth": money(cny_of(balance.coins)),
        "coins_pending": coins_text(balance.coins_pending),
        "shortfall": row["shortfall"],
        "is_frozen": row["disputes"] > 0,
    }


def _ledger(request: HttpRequest, user_id: int) -> dict[str, Any]:
    chosen = request.GET.get("show", "")
    kinds = FILTERS.get(chosen)
    before = request.GET.get("before", "")
    position = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    rows = ledger_page(user_id, limit=ROWS + 1, before=position, kinds=kinds)
    subjects = subjects_of(user_id, rows[:ROWS])
    lines = [_line(row, subjects) for row in rows[:ROWS]]
    labels = {"": _("All"), "out": _("Out"), "in": _("In"), "back": _("Returned")}
    address = reverse("wallet")
    shown = {"show": chosen} if kinds else {}
    return {
        "lines": lines,
        "chips": [_chip(name, label, name == (chosen if kinds else "")) for name, label in labels.items()],
        "newest": f"{address}?{urlencode(shown)}" if position is not None else "",
        "older": f"{address}?{urlencode({**shown, 'before': rows[ROWS - 1].position})}" if len(rows) > ROWS else "",
    }


def _chip(name: str, label: str, is_current: bool) -> dict[str, Any]:
    address = reverse("wallet")
    return {"label": label, "href": f"{address}?{urlencode({'show': name})}" if name else address, "current": is_current}


def _line(row: LedgerRow, subjects: Subjects) -> dict[str, Any]:
    in_coins = not row.credits and not row.held and bool(row.coins or row.coins_balance is not None)
    change = row.coins if in_coins else row.credits
    balance = row.coins_balance if in_coins else row.credits_balance
    shown = f"{change / 100:+,.2f}" if in_coins else f"{change:+,}"
    return {
        "at": row.created_at,
        "entry": entry_of(row, subjects),
        "change": "" if not change else shown.replace("-", "−"),
        "is_plus": change > 0,
        "balance": "" if balance is None else (coins_text(balance) if in_coins else f"{balance:,}"),
        "in_coins": in_coins,
    }
