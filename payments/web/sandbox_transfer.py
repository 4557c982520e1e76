"""The payee's side of the sandbox: a payout that waits to be confirmed, is refused, or comes back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.kernel import clock
from payments.models import SandboxTransfer
from payments.services.sandbox_bank import TRANSFER_OUTCOMES, sandbox_transfer, sandbox_transfer_end
from payments.web.sandbox_answers import SERVICES, decided, shown


@csrf_exempt  # it stands for another site's page, and moves nothing that a stranger could not move there
@never_cache
@require_http_methods(["GET", "POST"])
def transfer(request: HttpRequest, transfer_id: UUID) -> HttpResponse:
    """The page of a payout, or the decision: `{"outcome": "paid" | "refused" | "returned"}`, as JSON or as a form."""
    if request.method == "GET":
        return shown(request, lambda: render(request, "payments/sandbox_transfer.html", _facts(sandbox_transfer(transfer_id))))

    def decide(outcome: str) -> dict[str, str]:
        found = sandbox_transfer_end(transfer_id=transfer_id, outcome=outcome, at=clock.now())
        return {"transfer_id": str(found.id), "status": found.state}

    return decided(request, TRANSFER_OUTCOMES, decide, request.path)


def _facts(found: SandboxTransfer) -> dict[str, Any]:
    return {"transfer": found, "service": SERVICES[found.channel], "amount": f"{found.amount_cents / 100:,.2f}"}
