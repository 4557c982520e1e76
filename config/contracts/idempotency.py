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
    return key_judged(request.headers.get("Idempotency-Key"))


def key_judged(key: str | None) -> str | None:
    """`key` as it came, when it may be one; None for none. Raises InvalidInput."""
    if key is not None and not (1 <= len(key) <= KEY_MOST and key.isprintable()):
        raise InvalidInput(FieldError(("header", "Idempotency-Key"), "ensure this value has 1 to 255 characters"))
    return key


def named(request: HttpRequest, what: str) -> str:
    """The key under which a service makes `what`: always the same for the client's key, empty without one."""
    key = key_of(request)
    return name_under(key, what) if key is not None else ""


def name_under(key: str, what: str) -> str:
    """The key under which a service makes `what` for a client's `key`; no client can send one like it: it is not printable."""
    return f"{what}\n{hashlib.sha256(key.encode()).hexdigest()}"


def answered_once(request: HttpRequest, user_id: int, work: Callable[[], HttpResponse]) -> HttpResponse:
    """`work`'s answer, kept under the request's key; the first answer again for the same method, path and body."""
    key = key_of(request)
    if key is None:
        return work()
    return kept_once(user_id, key, hashlib.sha256(f"{request.method} {request.path}\n".encode() + body_of(request)).digest(), work)


def kept_once(user_id: int, key: str, input_hash: bytes, work: Callable[[], HttpResponse]) -> HttpResponse:
    """`work`'s answer, kept under the user's `key`; the first answer again for the same `input_hash`.

    Only successes are kept: a refusal frees the key. Raises IdempotencyConflict, IdempotencyRunning.
    Source: contracts/README.md "Repeats".
    """
    replay = ports.idempotency("claim")(user_id=user_id, key=key, input_hash=input_hash)
    if replay is not None:
        return HttpResponse(replay.body, status=replay.status, content_type="application/json", headers={"Idempotent-Replayed": "true"})
    try:
        response = work()
    except BaseException:
        ports.idempotency("release")(user_id=user_id, key=key)
        raise
    ports.idempotency("store")(user_id=user_id, key=key, status=response.status_code, body=response.content)
    return response
