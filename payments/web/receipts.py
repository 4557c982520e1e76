"""Receipts of paid orders, to read and to keep."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET

from accounts.selectors.user import user_of
from config.kernel import clock
from config.kernel.principal import Principal
from operations.web.callers import signed_in
from payments.models import Order
from payments.states import PAID, RefundState
from payments.web.owned import own_order
from payments.web.receipt_pdf import Receipt, drawn
from payments.web.wording import CHANNELS, money, title_of


@require_GET
@signed_in
def receipt(request: HttpRequest, principal: Principal, order_uuid: UUID) -> HttpResponse:
    """The receipt as a page that prints well."""
    order = _paid(principal, order_uuid)
    return render(request, "wallet/receipt.html", {"section": "wallet", "order": order, "receipt": receipt_of(order)})


@require_GET
@signed_in
def receipt_pdf(request: HttpRequest, principal: Principal, order_uuid: UUID) -> HttpResponse:
    """The same as a PDF file."""
    order = _paid(principal, order_uuid)
    response = HttpResponse(drawn(receipt_of(order)), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="receipt-{order.number}.pdf"'
    return response


def receipt_of(order: Order) -> Receipt:
    """What the receipt of a paid order says, in the language of the page."""
    facts = [
        (_("Number"), order.number),
        (_("Issued by"), settings.RECEIPT_ISSUER),
        (_("Buyer"), user_of(order.user_id).username),
        (_("Ordered"), _day(order.created_at)),
        (_("Paid"), _day(order.paid_at)),
        (_("Paid by"), str(CHANNELS[order.channel])),
        (_("Payment's number"), order.charge_id or "–"),
    ]
    lines = [(title_of(order), money(order.amount_cents, order.currency))]
    if order.credits:
        counted = {"n": f"{order.credits:,}", "bonus": f"{order.bonus_credits:,}"}
        lines.append((_("%(n)s credits, of them %(bonus)s as a gift") % counted, ""))
    for refund in order.refunds.filter(status=RefundState.SUCCEEDED).order_by("settled_at"):
        lines.append((_("Paid back on %(day)s") % {"day": _day(refund.settled_at)}, f"−{money(refund.amount_cents, order.currency)}"))
    total = (pgettext("receipt", "Total"), money(order.amount_cents - order.refunded_cents, order.currency))
    note = _("Play money of the sandbox: not a receipt for a payment.") if order.is_sandbox else ""
    return Receipt(_("Receipt"), tuple(facts), tuple(lines), total, note)


def _paid(principal: Principal, order_uuid: UUID) -> Order:
    order = own_order(principal, order_uuid)
    if order.status not in PAID:
        raise Http404(order_uuid)
    return order


def _day(moment: dt.datetime | None) -> str:
    return f"{clock.day_of(moment):%Y-%m-%d}" if moment else "–"
