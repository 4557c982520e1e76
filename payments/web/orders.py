"""One's orders: what was paid, what the gateways said, what went back; and asking for money back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from config.kernel import clock
from config.kernel.errors import DomainError
from config.kernel.principal import Principal
from operations.web.callers import signed_in
from operations.web.problems import problem_of
from payments.exceptions import PaymentNotFound
from payments.models import Order, Refund
from payments.selectors.notice import notices_of
from payments.selectors.order import orders_of
from payments.selectors.refund import OPEN
from payments.services.refund import refund_request
from payments.services.refund_terms import refundable_of
from payments.states import PAID
from payments.web.owned import own_order
from payments.web.wording import CHANNELS, FATES, ORDER_STATES, REFUND_STATES, money, title_of

ROWS = 20
REASON_MOST = 500


@require_GET
@signed_in
def orders(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The newest orders, page by page."""
    before = request.GET.get("before", "")
    before_id = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    rows = orders_of(user_id=principal.user_id, before_id=before_id, limit=ROWS + 1)
    context = {
        "section": "wallet",
        "rows": [_row(each) for each in rows[:ROWS]],
        "newest": reverse("orders") if before_id else "",
        "older": f"{reverse('orders')}?before={rows[ROWS - 1].pk}" if len(rows) > ROWS else "",
    }
    return render(request, "wallet/orders.html", context)


@require_GET
@signed_in
def order(request: HttpRequest, principal: Principal, order_uuid: UUID) -> HttpResponse:
    """One order with everything that happened to it."""
    found = own_order(principal, order_uuid)
    refunds = list(found.refunds.select_related("order").order_by("pk"))
    may_ask = found.status in PAID and not any(each.status in OPEN for each in refunds)
    refundable = refundable_of(found, clock.now()) if may_ask else None
    context = {
        "section": "wallet",
        **_row(found),
        "order": found,
        "is_paid": found.status in PAID,
        "heard": [{"at": each.told_at, "fate": FATES[each.fate], "reason": each.reason} for each in notices_of(found)],
        "refunds": [_refund_row(each) for each in refunds],
        "refundable": money(refundable.amount_cents, found.currency) if refundable and refundable.amount_cents else "",
        "reason_most": REASON_MOST,
    }
    return render(request, "wallet/order.html", context)


@require_POST
@signed_in
def refund(request: HttpRequest, principal: Principal, order_uuid: UUID) -> HttpResponse:
    """The user asks for what is unspent of an order; operators answer."""
    reason = request.POST.get("reason", "").strip()[:REASON_MOST]
    try:
        refund_request(user_id=principal.user_id, order_uuid=order_uuid, reason=reason, at=clock.now())
    except PaymentNotFound as error:
        raise Http404(order_uuid) from error
    except DomainError as error:
        messages.error(request, problem_of(error).text)
    else:
        messages.success(request, _("Your request is with the people who run this place. You will hear from them here."))
    return redirect("order", order_uuid=order_uuid)


def _row(order: Order) -> dict[str, Any]:
    tone, state = ORDER_STATES[order.status]
    return {
        "order": order,
        "title": title_of(order),
        "amount": money(order.amount_cents, order.currency),
        "channel": CHANNELS[order.channel],
        "tone": tone,
        "state": state,
    }


def _refund_row(refund: Refund) -> dict[str, Any]:
    return {
        "at": refund.created_at,
        "amount": money(refund.amount_cents, refund.order.currency),
        "state": REFUND_STATES[refund.status],
        "answer": refund.answer,
    }
