"""`Idempotency-Key` for every kit: the first answer again, or the work for the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config.contracts import ports
from config.contracts.body import body_of
from config.kernel.errors import FieldError, InvalidInput

KEY_MOST = 255


def key_of(request: HttpRequest) -> str | None:
    """The request's `Idempotency-Key` (1–255 printable characters), None without one. Raises InvalidInput."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= KEY_MOST and key.isprintable()):
        raise InvalidInput(FieldError(("header", "Idempotency-Key"), "ensure this value has 1 to 255 characters"))
    return key


def named(request: HttpRequest, what: str) -> str:
    """The key under which a service makes `what`: always the same for the client's key, empty without one."""
    key = key_of(request)
    return f"{what}:{hashlib.sha256(key.encode()).hexdigest()}" if key is not None else ""


def answered_once(request: HttpRequest, user_id: int, work: Callable[[], HttpResponse]) -> HttpResponse:
    """`work`'s answer, kept under the request's key; the first answer again for the same method, path and body.

    Only successes are kept: a refusal frees the key. Raises IdempotencyConflict, IdempotencyRunning.
    Source: contracts/README.md "Repeats".
    """
    key = key_of(request)
    if key is None:
        return work()
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode() + body_of(request)).digest()
    replay = ports.idempotency("claim")(user_id=user_id, key=key, input_hash=digest)
    if replay is not None:
        return HttpResponse(replay.body, status=replay.status, content_type="application/json", headers={"Idempotent-Replayed": "true"})
    try:
        response = work()
    except BaseException:
        ports.idempotency("release")(user_id=user_id, key=key)
        raise
    ports.idempotency("store")(user_id=user_id, key=key, status=response.status_code, body=response.content)
    return response
