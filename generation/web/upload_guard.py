"""Uploads under an asynchronous server: Django would first take in the whole body there, however large it is announced or grows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from config.kernel.ids import parse_uuid, public_uuid
from generation.exceptions_media import FileTooLarge
from generation.services.upload import UPLOAD_LIMIT_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
PATH = "/api/videos/upload"
FORM_SLACK_BYTES = 64 * 1024
DISCONNECT: Message = {"type": "http.disconnect"}


class UploadGuard:
    """An ASGI application around another: a too large upload is answered as soon as it passes its limit, and read no further."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PATH:
            await self._application(scope, receive, send)
            return
        limit = UPLOAD_LIMIT_BYTES + FORM_SLACK_BYTES
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > limit:
            await _refuse(scope, send)
            return
        await self._counted(scope, receive, send, limit)

    async def _counted(self, scope: Message, receive: Receive, send: Send, limit: int) -> None:
        size, is_refused = 0, False

        async def counted() -> Message:
            nonlocal size, is_refused
            message = DISCONNECT if is_refused else await receive()
            size += len(message.get("body", b""))
            if size > limit and not is_refused:
                is_refused = True
                await _refuse(scope, send)
            return DISCONNECT if is_refused else message

        async def guarded(message: Message) -> None:
            if not is_refused:
                await send(message)

        await self._application(scope, counted, guarded)


async def _refuse(scope: Message, send: Send) -> None:
    """The contract's 422; the connection ends, because what is still coming will not be read."""
    told = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    fault = {
        "loc": ["body", "file"],
        "msg": FileTooLarge(limit_mb=UPLOAD_LIMIT_BYTES // 1024**2).message,
        "type": "value_error.file_too_large",
    }
    headers = [
        (b"content-type", b"application/json"),
        (b"connection", b"close"),
        (b"x-request-id", str(parse_uuid(told) or public_uuid()).encode()),
    ]
    await send({"type": "http.response.start", "status": 422, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps({"detail": [fault]})})
