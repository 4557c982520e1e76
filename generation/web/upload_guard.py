"""Uploads under an asynchronous server: Django would first take in the whole body there, however large it is announced or grows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from django.conf import settings

from config.contracts.shared_v1.envelope import envelope
from config.contracts.stargraph.errors import TABLE
from config.kernel.ids import parse_uuid, public_uuid
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
DISCONNECT: Message = {"type": "http.disconnect"}
IMAGES = {
    "/api/v1/resources/upload": FORM_LIMIT_BYTES,
    **{f"/api/v1/generate/{kind}": BODY_LIMIT_BYTES for kind, form in FORMS.items() if form.image},
    **{f"/api/v1/generate/{kind}": settings.DATA_UPLOAD_MAX_MEMORY_SIZE for kind, form in FORMS.items() if not form.image},
    "/api/v1/users/profile": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
}
"""The paths of `stargraph` that take an image or a long text, and the most bytes that they read."""
METHODS = frozenset({"POST", "PUT"})


class UploadGuard:
    """An ASGI application around another: a too large upload is answered as soon as it passes its limit, and read no further."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        limit = _limit_bytes(scope["path"]) if scope["type"] == "http" and scope["method"] in METHODS else None
        if limit is None:
            await self._application(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > limit:
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


def _limit_bytes(path: str) -> int | None:
    return UPLOAD_LIMIT_BYTES + FORM_SLACK_BYTES if path == PATH else IMAGES.get(path)


async def _refuse(scope: Message, send: Send) -> None:
    """The contract's own refusal; the connection ends, because what is still coming will not be read."""
    told = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    request_id = str(parse_uuid(told) or public_uuid())
    status, body = _in_video() if scope["path"] == PATH else _in_stargraph(request_id)
    headers = [(b"content-type", b"application/json"), (b"connection", b"close"), (b"x-request-id", request_id.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(body)})


def _in_video() -> tuple[int, dict[str, Any]]:
    text = FileTooLarge(limit_mb=UPLOAD_LIMIT_BYTES // 1024**2).message
    return 422, {"detail": [{"loc": ["body", "file"], "msg": text, "type": "value_error.file_too_large"}]}


def _in_stargraph(request_id: str) -> tuple[int, dict[str, Any]]:
    code, status, text = TABLE[FileTooLarge.code]
    return status, envelope(request_id, code, text or "", None)
