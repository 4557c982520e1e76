"""What the sandbox's pages share: decisions as JSON or as a form, and refusals in the same way."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from config.kernel.errors import DomainError
from config.kernel.sql import domain_errors
from payments.exceptions import PaymentNotFound, SandboxDecided

STATUS = {PaymentNotFound: 404, SandboxDecided: 409}
BODY_MOST_BYTES = 4096
SERVICES = {"stripe": "Stripe", "wechat": "WeChat Pay", "alipay": "Alipay", "sandbox": "Sandbox"}
"""How the services call themselves, in every language."""


def shown(request: HttpRequest, page: Callable[[], HttpResponse]) -> HttpResponse:
    """What `page` gives, or a page that says that there is nothing here."""
    try:
        with domain_errors():
            return page()
    except PaymentNotFound:
        return render(request, "payments/sandbox_unknown.html", status=404)
    except DomainError as error:
        return JsonResponse({"detail": error.message}, status=503 if error.retryable else 400)


def decided(request: HttpRequest, outcomes: Sequence[str], decide: Callable[[str], dict[str, str]], back: str) -> HttpResponse:
    """What came of one of `outcomes`: `decide`'s answer as JSON, or for a form the page at `back`. Anything else is refused with 422."""
    outcome = _outcome_of(request)
    if outcome not in outcomes:
        return JsonResponse({"detail": f"outcome must be one of: {', '.join(outcomes)}"}, status=422)
    try:
        with domain_errors():
            answer = decide(outcome)
    except SandboxDecided as error:
        return HttpResponseRedirect(back, status=303) if _is_form(request) else JsonResponse({"detail": error.message}, status=409)
    except DomainError as error:
        status = STATUS.get(type(error), 503 if error.retryable else 400)
        return JsonResponse({"detail": error.message}, status=status)
    return HttpResponseRedirect(back, status=303) if _is_form(request) else JsonResponse(answer)


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
