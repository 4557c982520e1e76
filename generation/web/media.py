"""`/media/<token>/<uuid>.<extension>`: stored files for those who hold a link, in whole or in parts."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import IO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified, HttpResponseRedirect, StreamingHttpResponse
from django.utils.http import http_date, parse_http_date_safe, quote_etag

from config.kernel.ids import parse_uuid
from generation import storage
from generation.models import Asset
from generation.selectors.asset import asset_of_link
from generation.services.link import PUBLIC, token_valid
from generation.web.ranges import Span, Unsatisfiable, spans_of

INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "video/mp4", "video/webm", "video/quicktime", "audio/mpeg"})
"""Types that a browser shows without running anything; all others are downloads."""
CHUNK_BYTES = 256 * 1024
CACHE_S = 3600
REDIRECT_LIFE_S = 3600


def media(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """The file for whoever holds a valid link; 404 for everything else, whatever was wrong with it."""
    if request.method not in ("GET", "HEAD"):
        return _marked(HttpResponse(status=405, headers={"Allow": "GET, HEAD"}))
    asset = _asset(token, name)
    if asset is None:
        return _marked(HttpResponse("Not found\n", status=404, content_type="text/plain", headers={"Cache-Control": "no-store"}))
    address = storage.place().link(asset.storage_key, asset.content_type, disposition_of(asset), REDIRECT_LIFE_S)
    if address is not None:
        return _marked(HttpResponseRedirect(address, headers={"Cache-Control": "private, max-age=600"}))
    return _marked(_served(request, asset))


def _asset(token: str, name: str) -> Asset | None:
    stem, _, extension = name.partition(".")
    uuid = parse_uuid(stem)
    if uuid is None or not (token == PUBLIC or token_valid(token, uuid)):
        return None
    asset = asset_of_link(uuid=uuid, public_only=token == PUBLIC)
    return asset if asset and asset.storage_key.endswith(f".{extension}") else None


def _marked(response: HttpResponseBase) -> HttpResponseBase:
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def disposition_of(asset: Asset) -> str:
    """`inline` for what is safe to show, else `attachment`, under the file's own name."""
    kind = "inline" if asset.content_type in INLINE else "attachment"
    return f'{kind}; filename="{asset.uuid}.{asset.storage_key.rpartition(".")[2]}"'


def _served(request: HttpRequest, asset: Asset) -> HttpResponseBase:
    headers = _headers(asset)
    if _is_known(request, headers):
        return HttpResponseNotModified(headers={name: headers[name] for name in ("ETag", "Last-Modified", "Cache-Control")})
    try:
        spans = _spans(request, asset, headers)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{asset.size_bytes}", "Accept-Ranges": "bytes"})
    return _answer(request, asset, headers, spans)


def _headers(asset: Asset) -> dict[str, str]:
    return {
        "Content-Disposition": disposition_of(asset),
        "Accept-Ranges": "bytes",
        "ETag": quote_etag(bytes(asset.sha256).hex()),
        "Last-Modified": http_date(asset.created_at.timestamp()),
        "Cache-Control": f"{'public' if asset.is_public else 'private'}, max-age={CACHE_S}",
    }


def _is_known(request: HttpRequest, headers: dict[str, str]) -> bool:
    """Whether the client has this very file already; the tag decides where both conditions are sent."""
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        return any(tag.strip().removeprefix("W/") in (headers["ETag"], "*") for tag in tags.split(","))
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    modified = parse_http_date_safe(headers["Last-Modified"])
    return since is not None and modified is not None and modified <= since


def _spans(request: HttpRequest, asset: Asset, headers: dict[str, str]) -> list[Span] | None:
    """The parts asked for, or None for the whole file: also when `If-Range` names another version."""
    wanted = request.headers.get("Range")
    condition = request.headers.get("If-Range")
    if (
        wanted is None
        or request.method != "GET"
        or (condition is not None and condition.strip() not in (headers["ETag"], headers["Last-Modified"]))
    ):
        return None
    return spans_of(wanted, asset.size_bytes)


def _answer(request: HttpRequest, asset: Asset, headers: dict[str, str], spans: list[Span] | None) -> HttpResponseBase:
    total = asset.size_bytes
    if spans is None:
        return _stream(request, asset, 200, asset.content_type, headers, [(b"", Span(0, total - 1))], b"")
    if len(spans) == 1:
        ranged = {**headers, "Content-Range": spans[0].content_range(total)}
        return _stream(request, asset, 206, asset.content_type, ranged, [(b"", spans[0])], b"")
    boundary = secrets.token_hex(12)
    parts = [(_part_head(boundary, asset, span), span) for span in spans]
    return _stream(request, asset, 206, f"multipart/byteranges; boundary={boundary}", headers, parts, f"\r\n--{boundary}--\r\n".encode())


def _part_head(boundary: str, asset: Asset, span: Span) -> bytes:
    return (
        f"\r\n--{boundary}\r\nContent-Type: {asset.content_type}\r\nContent-Range: {span.content_range(asset.size_bytes)}\r\n\r\n".encode()
    )


def _stream(
    request: HttpRequest,
    asset: Asset,
    status: int,
    content_type: str,
    headers: dict[str, str],
    parts: list[tuple[bytes, Span]],
    tail: bytes,
) -> HttpResponseBase:
    size = sum(len(head) + span.size for head, span in parts) + len(tail)
    all_headers = {**headers, "Content-Length": str(size)}
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type=content_type, headers=all_headers)
    try:
        file = storage.place().open(asset.storage_key)
    except FileNotFoundError:
        return HttpResponse("Not found\n", status=404, content_type="text/plain", headers={"Cache-Control": "no-store"})
    chunks = _chunks(file, parts, tail)
    content: Iterator[bytes] | AsyncIterator[bytes] = _from_threads(chunks) if isinstance(request, ASGIRequest) else chunks
    response = StreamingHttpResponse(content, status=status, content_type=content_type, headers=all_headers)
    response._resource_closers.append(file.close)  # type: ignore[attr-defined]
    return response


def _chunks(file: IO[bytes], parts: list[tuple[bytes, Span]], tail: bytes) -> Iterator[bytes]:
    with file:
        for head, span in parts:
            if head:
                yield head
            file.seek(span.start)
            left = span.size
            while left and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk
        if tail:
            yield tail


async def _from_threads(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks for a server that would otherwise read the whole file into memory first."""
    following = sync_to_async(lambda: next(chunks, b""), thread_sensitive=False)
    while chunk := await following():
        yield chunk
