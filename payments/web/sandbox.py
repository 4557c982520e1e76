"""The sandbox gateway's payment page: what stands elsewhere in life, at a bank or a wallet."""

from __future__ import annotations

import io
from typing import Any

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.kernel import clock
from payments.models import Order, SandboxPayment
from payments.services import sandbox_bank as bank
from payments.services.sandbox import OUTCOMES, sandbox_pay, sandbox_payment
from payments.web.sandbox_answers import SERVICES, decided, shown

State = SandboxPayment.State


@csrf_exempt  # these stand for other sites' pages, and move nothing that a stranger could not move there
@never_cache
@require_http_methods(["GET", "POST"])
def pay(request: HttpRequest, payment_id: str) -> HttpResponse:
    """The page with Pay, Fail and Cancel, or the decision: `{"outcome": "paid" | "failed" | "cancelled"}`, as JSON or as a form."""
    if request.method == "GET":
        return shown(request, lambda: render(request, "payments/sandbox_pay.html", _facts(sandbox_payment(payment_id))))

    def decide(outcome: str) -> dict[str, str]:
        payment = sandbox_pay(payment_id=payment_id, outcome=outcome, at=clock.now())
        return {"payment_id": str(payment.id), "status": payment.state}

    return decided(request, OUTCOMES, decide, request.path)


@csrf_exempt
@require_POST
def dispute(request: HttpRequest, payment_id: str) -> HttpResponse:
    """The payer's bank: `{"outcome": "opened" | "won" | "lost"}`."""

    def decide(outcome: str) -> dict[str, str]:
        payment = bank.sandbox_dispute(payment_id=payment_id, outcome=outcome, at=clock.now())
        return {"payment_id": str(payment.id), "dispute": payment.dispute}

    return decided(request, bank.DISPUTE_OUTCOMES, decide, reverse("sandbox_pay", args=[payment_id]))


@csrf_exempt
@require_POST
def refund(request: HttpRequest, payment_id: str) -> HttpResponse:
    """What becomes of the payment's last refund: `{"outcome": "succeeded" | "failed"}`."""

    def decide(outcome: str) -> dict[str, str]:
        found = bank.sandbox_refund_end(payment_id=payment_id, outcome=outcome, at=clock.now())
        return {"payment_id": str(found.payment_id), "refund_id": str(found.id), "status": found.state}

    return decided(request, bank.REFUND_OUTCOMES, decide, reverse("sandbox_pay", args=[payment_id]))


@require_GET
def code(request: HttpRequest, payment_id: str) -> HttpResponse:
    """The page's own address as a QR code (SVG), for a phone."""

    def draw() -> HttpResponse:
        payment = sandbox_payment(payment_id)
        drawn = io.BytesIO()
        address = request.build_absolute_uri(reverse("sandbox_pay", args=[payment.id]))
        segno.make(address, error="m").save(drawn, kind="svg", scale=4, border=3, light="#fff", svgclass=None, lineclass=None)
        return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")

    return shown(request, draw)


def _facts(payment: SandboxPayment) -> dict[str, Any]:
    last_refund = payment.refunds.order_by("created_at", "pk").last()
    return {
        "payment": payment,
        "service": SERVICES[payment.channel],
        "amount": f"{payment.amount_cents / 100:,.2f}",
        "can_pay": payment.state != State.PAID,
        "is_paid": payment.state == State.PAID,
        "is_code": payment.channel == Order.Channel.WECHAT and payment.method in (Order.Method.NATIVE, Order.Method.CHECKOUT),
        "is_plain_title": payment.title.isascii(),
        "refund": last_refund,
        "refunded": f"{last_refund.amount_cents / 100:,.2f}" if last_refund else "",
    }
