"""Whatever a client sends, the answer is the contract's error and nothing moves: no credit, no row, no file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings as django_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from credits.models import Posting
from generation.models import Asset, Task
from payments.models import Order
from tests.contracts.video.client import VideoClient
from tests.contracts.video.test_examples import MakePerson

pytestmark = pytest.mark.django_db
GOOD: dict[str, dict[str, Any]] = {
    "/api/videos/text-to-video": {
        "prompt": "a sunset",
        "aspect_ratio": "landscape",
        "quality": "standard",
        "webhook_url": "https://example.com/hook",
    },
    "/api/videos/image-to-video": {
        "prompt": "it moves",
        "image_urls": ["https://example.com/a.jpg"],
        "aspect_ratio": "portrait",
        "quality": "hd",
    },
    "/api/videos/animate-move": {
        "image_url": "https://example.com/a.jpg",
        "video_url": "https://example.com/a.mp4",
        "check_image": True,
        "mode": "wan-std",
    },
    "/api/videos/animate-mix": {
        "image_url": "https://example.com/a.jpg",
        "video_url": "https://example.com/a.mp4",
        "check_image": True,
        "mode": "wan-std",
    },
    "/api/payments/stripe/create": {"package": "trial", "return_url": "https://example.com/done"},
    "/api/payments/wechat/create": {"amount": 50, "currency": "CNY", "credits": 500},
    "/api/auth/sms/send": {"phone_number": "86-13800138000"},
    "/api/auth/sms/login": {"phone_number": "86-13800138000", "code": "123456", "username": "x"},
    "/api/auth/google/login": {"code": "4/0AY0", "redirect_uri": "https://example.com/cb"},
    "/api/auth/refresh": {"refresh_token": "eyJ"},
}
WRONG_TYPE: list[Any] = [
    None,
    7,
    7.5,
    True,
    [],
    {},
    [[]],
    {"a": 1},
    "\x00",
    "x" * 100_000,
    -1,
    10**18,
]
BROKEN = [
    b"{",
    b"",
    b"[]",
    b'"text"',
    b"nul",
    b"\xff\xfe",
    b'{"prompt": NaN}',
    b'{"prompt": "\\ud800"}',
    b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"amount": 1e999}',
]
ADDRESSES = [
    "ftp://example.com/a.jpg", "file:///etc/passwd", "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://[fd00::1]/",
    "http://user:pw@example.com/", "javascript:alert(1)", "//example.com", "http://", "http://exa mple.com/", "http://0x0a000001/", "http://2886729729/", "x",
]  # fmt: skip


def counts() -> tuple[int, ...]:
    """Everything that may not move."""
    files = sum(1 for path in Path(django_settings.DATA_DIR).rglob("*") if path.is_file())
    return Task.objects.count(), Posting.objects.count(), Asset.objects.count(), Order.objects.count(), files


def refused(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.data)
    assert set(answer.data) == {"detail"}


@pytest.mark.parametrize("path", sorted(GOOD))
def test_every_field_refuses_what_is_not_of_its_type(person: MakePerson, path: str) -> None:
    someone = person(bonus=1000)
    before = counts()
    for field in GOOD[path]:
        for value in WRONG_TYPE:
            if value is None and field in ("webhook_url", "return_url", "redirect_uri", "username"):
                continue  # optional: null is no value
            if value is True and field == "check_image":
                continue
            answer = someone.client.post(path, {**GOOD[path], field: value})
            if field == "username" and answer.status_code == 401:
                continue  # any text is a name; the code is wrong
            refused(answer)
    assert counts() == before


@pytest.mark.parametrize("path", sorted(GOOD))
def test_missing_fields_are_named(person: MakePerson, path: str) -> None:
    someone = person(bonus=1000)
    before = counts()
    answer = someone.client.post(path, {"unknown": 1})
    refused(answer)
    assert counts() == before


@pytest.mark.parametrize("path", sorted(GOOD))
@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
def test_broken_bodies(person: MakePerson, path: str, raw: bytes) -> None:
    someone = person(bonus=1000)
    before = counts()
    refused(someone.client.call("POST", path, raw=raw))
    assert counts() == before


def test_an_oversized_body_is_refused(person: MakePerson) -> None:
    someone = person(bonus=1000)
    answer = someone.client.call("POST", "/api/videos/text-to-video", raw=b'{"prompt":"' + b"x" * 3_000_000 + b'"}')
    assert answer.status_code == 413
    assert Task.objects.count() == 0


@pytest.mark.parametrize("address", ADDRESSES)
def test_hostile_addresses_are_refused_everywhere(person: MakePerson, settings: Any, address: str) -> None:
    settings.DEMO = False
    someone = person(bonus=1000)
    before = counts()
    for path, field, value in (
        ("/api/videos/text-to-video", "webhook_url", address),
        ("/api/videos/image-to-video", "image_urls", [address]),
        ("/api/videos/animate-move", "image_url", address),
        ("/api/videos/animate-mix", "video_url", address),
    ):
        refused(someone.client.post(path, {**GOOD[path], field: value}))
    assert counts() == before


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=x", "page_size=101", "page_size=0", "page=1e3", "page=９", "page=99999999999", "status=weird", "page=%00"],
)
def test_bad_queries_of_the_list(person: MakePerson, query: str) -> None:
    answer = person().client.get(f"/api/tasks/user/tasks?{query}")
    assert answer.status_code == 422
    assert answer.data["detail"][0]["loc"][0] == "query"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x7fb"])
def test_bad_idempotency_keys(person: MakePerson, key: str) -> None:
    someone = person(bonus=100)
    answer = someone.client.post("/api/videos/text-to-video", {"prompt": "x"}, Idempotency_Key=key)
    assert answer.status_code == 422
    assert Task.objects.count() == 0


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/tasks", "/api/tasks/", "/api/videos", "/api", "/api/", "/api/tasks/x/y/z", "/api/%2e%2e/admin"]
)
def test_unknown_paths_answer_in_the_contracts_shape(person: MakePerson, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "PATCH"):
        answer = person().client.http.generic(method, path)
        assert answer.status_code in (404, 405)
        assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize("path", sorted(GOOD))
def test_wrong_methods_say_what_is_allowed(person: MakePerson, path: str) -> None:
    answer = person().client.call("PATCH", path, {})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert answer.data == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c", "Bearer " + "x" * 5000, "bearer \x80", "Bearer eyJhbGciOiJub25lIn0.e30."],
)
def test_bad_tokens_are_401(person: MakePerson, header: str) -> None:
    someone = person(bonus=100)
    answer = VideoClient(key=someone.key).call("POST", "/api/videos/text-to-video", {"prompt": "x"}, Authorization=header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60)
@given(path=st.sampled_from(sorted(GOOD)), field=st.integers(0, 5), value=JSON)
def test_no_500_from_anything(person: MakePerson, path: str, field: int, value: Any) -> None:
    names = list(GOOD[path])
    body = {**GOOD[path], names[field % len(names)]: value}
    try:
        raw = orjson.dumps(body)
    except (TypeError, orjson.JSONEncodeError):
        return
    answer = person(bonus=0).client.call("POST", path, raw=raw)
    assert answer.status_code != 500
