"""Uploads under an asynchronous server: Django would first take in the whole body there, however large it is announced or grows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from django.conf import settings

from config.contracts.shared_v1.envelope import envelope
from config.contracts.stargraph.errors import TABLE
from config.kernel.ids import request_id
from config.middleware import CONTRACT_PATHS
from generation.api.stargraph.create import BODY_LIMIT_BYTES
from generation.api.stargraph.orders import FORMS
from generation.api.stargraph.resources import FORM_LIMIT_BYTES
from generation.exceptions_media import FileTooLarge
from generation.services.upload import UPLOAD_LIMIT_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
PATH = "/api/videos/upload"
FORM_SLACK_BYTES = 64 * 1024
USUAL_LIMIT_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
PAGE_LIMIT_BYTES = 2 * UPLOAD_LIMIT_BYTES
"""A form of a page may bring a picture and a video."""
LINGER_S, LINGER_BYTES = 2.0, 64 * 1024**2
"""How long, and for how much more, a client that was refused is listened to: cut off while it sends, it may never read why."""
DISCONNECT: Message = {"type": "http.disconnect"}
IMAGES = {
    "/api/v1/resources/upload": FORM_LIMIT_BYTES,
    **{f"/api/v1/generate/{kind}": BODY_LIMIT_BYTES for kind, form in FORMS.items() if form.image},
    "/api/v1/users/profile": USUAL_LIMIT_BYTES,
}
"""The paths of `stargraph` that take an image, and the most bytes that they read."""
METHODS = frozenset({"POST", "PUT"})


class UploadGuard:
    """An ASGI application around another: a too large upload is answered as soon as it passes its limit, and kept nowhere.

    Of any other too large body the application sees the beginning only, and says itself that it is too large.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        limit = _limit_bytes(scope["path"]) if scope["method"] in METHODS else None
        length = dict(scope["headers"]).get(b"content-length", b"")
        announced = int(length[:20]) if length.isdigit() else 0
        if limit is None:
            await self._application(scope, _beginning(scope, receive, announced), send)
        elif announced > limit:
            await _refuse(scope, receive, send)
        else:
            await self._counted(scope, receive, send, limit)

    async def _counted(self, scope: Message, receive: Receive, send: Send, limit: int) -> None:
        size, is_refused = 0, False

        async def counted() -> Message:
            nonlocal size, is_refused
            message = DISCONNECT if is_refused else await receive()
            size += len(message.get("body", b""))
            if size > limit and not is_refused:
                is_refused = True
                await _refuse(scope, receive, send)
            return DISCONNECT if is_refused else message

        async def guarded(message: Message) -> None:
            if not is_refused:
                await send(message)

        await self._application(scope, counted, guarded)


def _limit_bytes(path: str) -> int | None:
    return UPLOAD_LIMIT_BYTES + FORM_SLACK_BYTES if path == PATH else IMAGES.get(path)


def _beginning(scope: Message, receive: Receive, announced: int) -> Receive:
    """`receive` that ends the body as it passes the usual limit (a page's form: its own), and tells its length if nobody did."""
    limit = USUAL_LIMIT_BYTES if scope["path"].startswith(CONTRACT_PATHS) else PAGE_LIMIT_BYTES
    size, is_cut = announced if announced > limit else 0, False

    async def beginning() -> Message:
        nonlocal size, is_cut
        if is_cut:
            await asyncio.Event().wait()  # nothing more is said of this request: its answer ends the waiting
        message: Message = {"type": "http.request", "body": b""} if size > limit else await receive()
        size += len(message.get("body", b""))
        if size <= limit:
            return message
        is_cut = True
        if not announced:
            scope["headers"] = [*scope["headers"], (b"content-length", str(size).encode())]
        return {**message, "more_body": False}

    return beginning


async def _refuse(scope: Message, receive: Receive, send: Send) -> None:
    """The contract's own refusal; then the connection ends, because what is still coming is not kept."""
    asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
    called = request_id(asked.get(b"x-request-id", ""))
    status, content = _in_video() if scope["path"] == PATH else _in_stargraph(called)
    body = orjson.dumps(content)
    told = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close", "x-request-id": called}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in (told | _cross_origin(asked.get(b"origin"))).items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await _linger(receive)
    await send({"type": "http.response.body", "body": b""})


def _cross_origin(origin: str | None) -> dict[str, str]:
    """A foreign page that may send may read what it is told."""
    if origin is None or not (settings.CORS_ALLOW_ALL_ORIGINS or origin in settings.CORS_ALLOWED_ORIGINS):
        return {}
    exposed = ", ".join(settings.CORS_EXPOSE_HEADERS)
    return {"access-control-allow-origin": origin, "access-control-expose-headers": exposed, "vary": "origin"}


async def _linger(receive: Receive) -> None:
    left = LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left > 0 and (message := await receive()).get("more_body"):
                left -= len(message.get("body", b""))


def _in_video() -> tuple[int, dict[str, Any]]:
    text = FileTooLarge(limit_mb=UPLOAD_LIMIT_BYTES // 1024**2).message
    return 422, {"detail": [{"loc": ["body", "file"], "msg": text, "type": "value_error.file_too_large"}]}


def _in_stargraph(called: str) -> tuple[int, dict[str, Any]]:
    code, status, text = TABLE[FileTooLarge.code]
    return status, envelope(called, code, text or "", None)
