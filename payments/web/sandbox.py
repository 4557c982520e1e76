"""The sandbox gateway's payment page: what stands elsewhere in life, at a bank or a wallet."""

from __future__ import annotations

import json
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.kernel import clock
from config.kernel.errors import DomainError
from config.kernel.sql import domain_errors
from payments.exceptions import PaymentNotFound, SandboxDecided
from payments.models import SandboxPayment
from payments.services.sandbox import OUTCOMES, sandbox_pay, sandbox_payment

STATUS = {PaymentNotFound: 404, SandboxDecided: 409}
BODY_MOST_BYTES = 4096


@csrf_exempt  # it stands for another site's page, and moves nothing that a stranger could not move there
@require_http_methods(["GET", "POST"])
def pay(request: HttpRequest, payment_id: UUID) -> HttpResponse:
    """The page with Pay, Fail and Cancel, or the decision: `{"outcome": "paid" | "failed" | "cancelled"}`, as JSON or as a form."""
    try:
        with domain_errors():
            return _decided(request, payment_id) if request.method == "POST" else _page(request, sandbox_payment(payment_id))
    except DomainError as error:
        return _refused(request, payment_id, error)


def _page(request: HttpRequest, payment: SandboxPayment) -> HttpResponse:
    shown = {
        "payment": payment,
        "amount": f"{payment.amount_cents / 100:,.2f}",
        "can_pay": payment.state != SandboxPayment.State.PAID,
        "is_plain_title": payment.title.isascii(),
    }
    return render(request, "payments/sandbox_pay.html", shown)


def _decided(request: HttpRequest, payment_id: UUID) -> HttpResponse:
    outcome = _outcome_of(request)
    if outcome not in OUTCOMES:
        return JsonResponse({"detail": "outcome must be one of: paid, failed, cancelled"}, status=422)
    payment = sandbox_pay(payment_id=payment_id, outcome=outcome, at=clock.now())
    if _is_form(request):
        return HttpResponseRedirect(request.path, status=303)
    return JsonResponse({"payment_id": str(payment.id), "status": payment.state})


def _refused(request: HttpRequest, payment_id: UUID, error: DomainError) -> HttpResponse:
    if isinstance(error, SandboxDecided) and _is_form(request):
        return HttpResponseRedirect(request.path, status=303)
    if isinstance(error, PaymentNotFound) and request.method == "GET":
        return render(request, "payments/sandbox_unknown.html", status=404)
    return JsonResponse({"detail": error.message}, status=STATUS.get(type(error), 503 if error.retryable else 400))


def _is_form(request: HttpRequest) -> bool:
    return request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data")


def _outcome_of(request: HttpRequest) -> str:
    """The decision, or an empty text for anything that is none."""
    if _is_form(request):
        return request.POST.get("outcome", "")
    try:
        data = json.loads(request.body[:BODY_MOST_BYTES])
    except (ValueError, RecursionError):
        return ""
    outcome = data.get("outcome") if isinstance(data, dict) else None
    return outcome if isinstance(outcome, str) else ""
