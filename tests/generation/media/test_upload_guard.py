"""Under an asynchronous server too, a large upload is answered before it has been sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from generation.api.stargraph.orders import FORMS
from generation.web import upload_guard
from generation.web.upload_guard import UploadGuard


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_guard, "UPLOAD_LIMIT_BYTES", 1000)
    monkeypatch.setattr(upload_guard, "FORM_SLACK_BYTES", 0)


def run(path: str, chunks: int, headers: dict[bytes, bytes] | None = None, method: str = "POST") -> tuple[list[Any], int, int]:
    """What was sent to the client, how many chunks of 100 bytes were taken, how many the application saw."""
    sent: list[Any] = []
    taken = seen = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 100, "more_body": taken < chunks}

    async def send(message: Any) -> None:
        sent.append(message)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal seen
        while (message := await receive())["type"] == "http.request":
            seen += 1
            if not message["more_body"]:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"ok"})
                return
        await send({"type": "http.response.start", "status": 500, "headers": []})

    scope = {"type": "http", "method": method, "path": path, "headers": list((headers or {}).items())}
    asyncio.run(UploadGuard(application)(scope, receive, send))
    return sent, taken, seen


def test_what_fits_passes() -> None:
    sent, taken, seen = run(upload_guard.PATH, 10)
    assert (sent[0]["status"], taken, seen) == (200, 10, 10)


def test_a_declared_length_is_refused_unread() -> None:
    sent, taken, seen = run(upload_guard.PATH, 50, {b"content-length": b"1001", b"x-request-id": b"0190a0b0-0000-4000-8000-000000000001"})
    assert (sent[0]["status"], taken, seen) == (422, 0, 0)
    assert dict(sent[0]["headers"])[b"x-request-id"] == b"0190a0b0-0000-4000-8000-000000000001"
    assert json.loads(sent[1]["body"])["detail"][0]["loc"] == ["body", "file"]


def test_an_undeclared_one_is_refused_as_it_passes_the_limit_and_once() -> None:
    sent, taken, seen = run(upload_guard.PATH, 50)
    assert (taken, seen) == (11, 10)
    assert [message.get("status") for message in sent] == [422, None]


def test_other_paths_are_left_alone() -> None:
    sent, taken, _ = run("/api/other", 50)
    assert (sent[0]["status"], taken) == (200, 50)


@pytest.mark.parametrize("path", ["/api/v1/resources/upload", "/api/v1/users/profile", *(f"/api/v1/generate/{kind}" for kind in FORMS)])
def test_an_image_is_refused_in_the_words_of_its_contract(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(upload_guard.IMAGES, path, 1000)
    for headers, most in (({b"content-length": b"1001"}, 0), ({}, 11)):
        sent, taken, _ = run(path, 50, headers, "PUT" if path.endswith("profile") else "POST")
        assert ([message.get("status") for message in sent], taken) == ([400, None], most)
        body = json.loads(sent[1]["body"])
        assert (body["code"], body["message"], body["data"]) == ("E005", "文件大小超限", None)
        assert body["requestId"].encode() == dict(sent[0]["headers"])[b"x-request-id"]
    sent, taken, _ = run(path, 10)
    assert (sent[0]["status"], taken) == (200, 10)


def test_limits_are_those_of_what_is_read() -> None:
    """An image of 10 MB in Base64 passes, and not much more; a body without an image has the usual limit."""
    assert 13 * 2**20 < upload_guard.IMAGES["/api/v1/generate/img2img"] < 14 * 2**20
    assert upload_guard.IMAGES["/api/v1/generate/text2img"] == upload_guard.IMAGES["/api/v1/users/profile"] == 2 * 2**20
    assert 10 * 2**20 < upload_guard.IMAGES["/api/v1/resources/upload"] < 11 * 2**20


def test_reading_methods_are_left_alone() -> None:
    sent, taken, _ = run("/api/v1/users/profile", 50, {b"content-length": b"99999999"}, "GET")
    assert (sent[0]["status"], taken) == (200, 50)
