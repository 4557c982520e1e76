"""Under an asynchronous server too, a large upload is answered before it has been sent, and no large body is kept."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from config.asgi import django_application
from generation.api.stargraph.orders import FORMS
from generation.web import upload_guard
from generation.web.upload_guard import UploadGuard

CHUNK = 100
PICTURES = [
    "/api/v1/resources/upload",
    "/api/v1/users/profile",
    *(f"/api/v1/generate/{kind}" for kind, form in FORMS.items() if form.image),
]
WORDS_ONLY = ["/api/v1/auth/login", "/v1/works", "/api/videos/text-to-video", "/api/v1/generate/text2img", "/api/v1/generate/text2video"]


@dataclass
class Exchange:
    """What was sent to the client, how many chunks of 100 bytes were taken (and how many until the answer was whole), what was seen."""

    sent: list[Any] = field(default_factory=list)
    taken: int = 0
    taken_before_answer: int = 0
    seen: int = 0
    length: int | None = None

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def body(self) -> Any:
        return json.loads(b"".join(message.get("body", b"") for message in self.sent[1:]))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_guard, "UPLOAD_LIMIT_BYTES", 1000)
    monkeypatch.setattr(upload_guard, "FORM_SLACK_BYTES", 0)
    monkeypatch.setattr(upload_guard, "USUAL_LIMIT_BYTES", 1000)
    monkeypatch.setattr(upload_guard, "PAGE_LIMIT_BYTES", 2000)


def run(path: str, chunks: int, headers: dict[bytes, bytes] | None = None, method: str = "POST", app: Any = None) -> Exchange:
    """A request of that many chunks, of which no more comes at once after the last."""
    exchange = Exchange()

    async def receive() -> dict[str, Any]:
        if exchange.taken == chunks:
            await asyncio.sleep(60)
        exchange.taken += 1
        return {"type": "http.request", "body": b"x" * CHUNK, "more_body": exchange.taken < chunks or chunks > 1000}

    async def send(message: Any) -> None:
        exchange.sent.append(message)
        if len(exchange.sent) == 2:
            exchange.taken_before_answer = exchange.taken

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request":
            exchange.seen += len(message["body"]) // CHUNK
            if not message["more_body"]:
                exchange.length = int(dict(scope["headers"]).get(b"content-length", b"-1"))
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"{}"})
                return
        await send({"type": "http.response.start", "status": 500, "headers": []})

    scope = {"type": "http", "method": method, "path": path, "headers": list((headers or {}).items()), "query_string": b""}
    asyncio.run((app or UploadGuard(application))(scope, receive, send))
    return exchange


@pytest.mark.parametrize("path", [upload_guard.PATH, *WORDS_ONLY, "/create/"])
def test_what_fits_passes(path: str) -> None:
    for headers in ({}, {b"content-length": b"1000"}):
        found = run(path, 10, headers)
        assert (found.status, found.taken, found.seen) == (200, 10, 10)


def test_a_declared_length_is_refused_before_anything_is_read() -> None:
    told = b"0190a0b0-0000-4000-8000-000000000001"
    found = run(upload_guard.PATH, 50, {b"content-length": b"1001", b"x-request-id": told})
    assert (found.status, found.taken_before_answer, found.seen) == (422, 0, 0)
    assert dict(found.sent[0]["headers"])[b"x-request-id"] == told
    assert found.body["detail"][0]["loc"] == ["body", "file"]


def test_an_undeclared_one_is_refused_as_it_passes_the_limit_and_once() -> None:
    found = run(upload_guard.PATH, 50)
    assert (found.taken_before_answer, found.seen) == (11, 10)
    assert [message.get("status") for message in found.sent] == [422, None, None]


@pytest.mark.parametrize("headers", [{}, {b"content-length": b"5000"}])
def test_who_still_sends_is_listened_to_for_a_while_and_not_for_ever(headers: dict[bytes, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(upload_guard.PATH, 50, headers).taken == 50
    monkeypatch.setattr(upload_guard, "LINGER_BYTES", 3000)
    found = run(upload_guard.PATH, 10_000, headers)
    assert found.taken - found.taken_before_answer == 30
    monkeypatch.setattr(upload_guard, "LINGER_BYTES", 10**9)
    monkeypatch.setattr(upload_guard, "LINGER_S", 0.05)
    stuck = run(upload_guard.PATH, 2000, headers)  # the client neither sends nor goes
    assert (stuck.taken, stuck.sent[-1]) == (2000, {"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("path", PICTURES)
def test_an_image_is_refused_in_the_words_of_its_contract(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(upload_guard.IMAGES, path, 1000)
    method = "PUT" if path.endswith("profile") else "POST"
    for headers, most in (({b"content-length": b"1001"}, 0), ({}, 11)):
        found = run(path, 50, headers, method)
        assert (found.status, found.taken_before_answer) == (400, most)
        assert (found.body["code"], found.body["message"], found.body["data"]) == ("E005", "文件大小超限", None)
        answered = dict(found.sent[0]["headers"])
        assert found.body["requestId"].encode() == answered[b"x-request-id"]
        assert int(answered[b"content-length"]) == len(found.sent[1]["body"])
    found = run(path, 10, method=method)
    assert (found.status, found.taken) == (200, 10)


@pytest.mark.parametrize("path", [upload_guard.PATH, *PICTURES])
def test_a_foreign_page_that_may_send_may_read_the_refusal(path: str, settings: Any) -> None:
    def allowed(origin: bytes) -> Any:
        found = run(path, 50, {b"content-length": b"99999999", b"origin": origin}, "PUT")
        return dict(found.sent[0]["headers"]).get(b"access-control-allow-origin")

    settings.CORS_ALLOW_ALL_ORIGINS, settings.CORS_ALLOWED_ORIGINS = False, ["https://friend.example"]
    assert (allowed(b"https://friend.example"), allowed(b"https://stranger.example")) == (b"https://friend.example", None)
    settings.CORS_ALLOW_ALL_ORIGINS = True
    assert allowed(b"https://stranger.example") == b"https://stranger.example"


@pytest.mark.parametrize(("path", "most"), [*((path, 10) for path in WORDS_ONLY), ("/create/", 20)])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_of_any_other_large_body_the_application_sees_the_beginning_and_its_length(path: str, most: int, method: str) -> None:
    found = run(path, 10_000, method=method)
    assert (found.status, found.taken, found.seen, found.length) == (200, most + 1, most + 1, (most + 1) * CHUNK)
    found = run(path, 10_000, {b"content-length": b"1000000"}, method)
    assert (found.status, found.taken, found.seen, found.length) == (200, 0, 0, 1_000_000)


@pytest.mark.parametrize("headers", [{}, {b"content-length": b"9999999"}])
def test_contracts_say_that_a_body_is_too_large(headers: dict[bytes, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_guard, "USUAL_LIMIT_BYTES", 2 * 2**20)
    found = run("/api/v1/nothing", 10_000_000, {b"host": b"127.0.0.1", **headers}, app=django_application)
    assert (found.status, found.body["code"], found.body["message"]) == (413, 413, "请求体过大")
    assert found.taken <= 2 * 2**20 // CHUNK + 1


def test_limits_are_those_of_what_is_read() -> None:
    """An image of 10 MB in Base64 passes, and not much more."""
    assert 13 * 2**20 < upload_guard.IMAGES["/api/v1/generate/img2img"] < 14 * 2**20
    assert upload_guard.IMAGES["/api/v1/users/profile"] == 2 * 2**20
    assert 10 * 2**20 < upload_guard.IMAGES["/api/v1/resources/upload"] < 11 * 2**20
