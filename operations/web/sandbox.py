"""The demo's clock: `POST /sandbox/clock` (contracts/README, "How anything outside talks to a running platform")."""

from __future__ import annotations

from typing import Any

import orjson
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.services.authentication import principal_of
from config.kernel import clock
from config.kernel.errors import DomainError, InvalidInput, NotAllowed, NotSignedIn
from config.kernel.sql import domain_errors
from operations.services.demo_clock import clock_advance

STATUS = {"not_signed_in": 401, "token_expired": 401, "user_banned": 403, "not_allowed": 403, "not_found": 404, "invalid_input": 422}


@csrf_exempt  # a token proves the operator; cookies count for nothing here
@require_POST
def move_clock(request: HttpRequest) -> JsonResponse:
    """`{"advance_s"}` by an operator's token → `{"offset_s", "now"}`: business time is later from now on."""
    try:
        with domain_errors():
            _operator_only(request)
            offset = clock_advance(advance_s=_advance_s(request.body))
    except DomainError as error:
        return JsonResponse({"detail": _text(error)}, status=STATUS.get(error.code, 503 if error.retryable else 400))
    return JsonResponse({"offset_s": int(offset.total_seconds()), "now": clock.iso_z(clock.now())})


def _operator_only(request: HttpRequest) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotSignedIn()
    if not principal_of(access_token=token.strip(), api_key=None, at=clock.real_now()).is_operator:
        raise NotAllowed()


def _advance_s(body: bytes) -> int:
    try:
        data: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput.field("advance_s", "the body is not JSON") from error
    found = data.get("advance_s") if isinstance(data, dict) else None
    if isinstance(found, bool) or not isinstance(found, int):
        raise InvalidInput.field("advance_s", "must be a whole number of seconds, at least 1")
    return found


def _text(error: DomainError) -> str:
    return error.errors[0].message if isinstance(error, InvalidInput) and error.errors else error.message
