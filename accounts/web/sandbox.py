"""The sandbox identity provider of demo mode (contracts/README, "How anything outside talks to a running platform")."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.outside.sandbox import code_issue
from accounts.services.password import email_clean
from config.kernel.errors import DomainError, InvalidInput


@csrf_exempt
@require_POST
def google(request: HttpRequest) -> JsonResponse:
    """`{"subject", "email"}` → `{"code"}`, which signs in once where Google's own code would."""
    try:
        subject, email = _person(request.body)
    except DomainError:
        return JsonResponse({"detail": "subject (1 to 255 characters) and email are needed"}, status=422)
    return JsonResponse({"code": code_issue("google", subject=subject, email=email)})


def _person(body: bytes) -> tuple[str, str]:
    try:
        data: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput.field("subject", "not JSON") from error
    subject, email = (data.get("subject"), data.get("email", "")) if isinstance(data, dict) else (None, None)
    if not isinstance(subject, str) or not isinstance(email, str) or not 1 <= len(subject) <= 255 or not subject.isprintable():
        raise InvalidInput.field("subject", "1 to 255 printable characters")
    return subject, email_clean(email) if email else ""
