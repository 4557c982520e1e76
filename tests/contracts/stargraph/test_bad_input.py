"""Whatever a client sends, the answer is the contract's error and nothing moves."""

from __future__ import annotations

import base64
import datetime as dt
import io
import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from accounts.models import Idempotency, User
from config.kernel import clock as kernel_clock
from credits.models import Posting
from generation import storage
from generation.api.stargraph.images import image_bytes
from generation.exceptions_media import FileTooLarge
from generation.models import Asset, Engine, Task
from generation.selectors import routes
from generation.selectors.named import task_number
from tests.contracts.people import Somebody
from tests.contracts.stargraph.conftest import MakeSomebody, data_url, picture
from tests.contracts.stargraph.test_examples import ORDERS, PROFILE, RECORDS, SMALL, TEXT2IMG, ordered

pytestmark = pytest.mark.django_db
WRONG: list[Any] = [None, True, [], {}, [[]], {"a": 1}, "", "\x00", "x" * 10_000, -2, 10**18, 2**70, -(2**70), 1e300, "10", "NaN"]
BROKEN = [
    b"{", b"[]", b'"text"', b"nul", b"\xff\xfe", b'{"width": NaN}', b'{"cfgScale": Infinity}', b'{"cfgScale": 1e999}',
    b'{"prompt": "\\ud800"}', b"[" * 100_000, b'{"a":' * 5000 + b"1" + b"}" * 5000,
]  # fmt: skip
LIMITS = [
    ("text2img", "width", 63), ("text2img", "width", 2049), ("text2img", "height", 100), ("text2img", "steps", 0), ("text2img", "steps", 151),
    ("text2img", "cfgScale", -0.1), ("text2img", "cfgScale", 30.5), ("text2img", "seed", -2), ("text2img", "seed", 2**63),
    ("text2img", "denoise", 1.01), ("text2img", "batchSize", 0), ("text2img", "batchSize", 9), ("text2img", "sampler", "eular"),
    ("text2img", "scheduler", "Normal"), ("text2img", "prompt", "  "), ("text2img", "width", 512.0), ("text2img", "width", True),
    ("img2img", "strength", 1.1), ("img2img", "strength", -0.1), ("upscale", "scaleFactor", 3), ("upscale", "scaleFactor", 8),
    ("pose", "controlType", "hed"), ("pose", "controlStrength", 2.1), ("pose", "controlStrength", -1), ("text2video", "duration", 0),
    ("text2video", "duration", 11), ("text2video", "fps", 31), ("text2video", "motionBucketId", 0), ("text2video", "motionBucketId", 256),
    ("img2video", "augmentationLevel", 1.5), ("img2video", "augmentationLevel", -0.1), ("img2video", "videoLoop", 1),
]  # fmt: skip


@pytest.fixture
def someone(somebody: MakeSomebody) -> Somebody:
    return somebody(paid=1000)


def state() -> tuple[int, int, int]:
    """Everything that a refusal must leave as it was."""
    return Posting.objects.count(), Task.objects.count(), Asset.objects.count()


def files() -> set[str]:
    """Every picture that is stored."""
    return {str(path) for path in storage.work_folder().parent.rglob("*.png")}


def refused(answer: Any, code: int | str = 400, status: int = 400) -> None:
    assert (answer.status_code, answer.data["code"]) == (status, code), answer.data
    assert set(answer.data) == {"code", "message", "data", "timestamp", "requestId"}


@pytest.mark.parametrize(("kind", "field", "value"), LIMITS)
def test_limits_are_judged_before_anything_is_stored_or_priced(someone: Somebody, kind: str, field: str, value: Any) -> None:
    before = state()
    body = {**ORDERS[kind][0], "imageBase64": data_url(picture()), field: value}
    answer = someone.client.post(f"/api/v1/generate/{kind}", body)
    refused(answer)
    assert [fault["field"] for fault in answer.data["data"]["errors"]] == [field]
    assert state() == before


@pytest.mark.parametrize("kind", sorted(ORDERS))
def test_every_field_refuses_what_is_not_of_its_type(someone: Somebody, kind: str) -> None:
    before, body = state(), ORDERS[kind][0]
    fine = {("seed", 10**18), ("videoLoop", True)}
    for field in body:
        for value in WRONG:
            is_text = field in ("prompt", "negativePrompt", "clientId")
            if (is_text and isinstance(value, str) and value != "\x00" and len(value) < 100) or (
                isinstance(value, int) and (field, value) in fine
            ):
                continue
            answer = someone.client.post(f"/api/v1/generate/{kind}", {**body, field: value})
            assert 400 <= answer.status_code < 500 or answer.data["code"] == "E001", (field, value, answer.data)
    assert state() == before


@pytest.mark.parametrize("kind", sorted(ORDERS))
@pytest.mark.parametrize("raw", BROKEN, ids=range(len(BROKEN)))
def test_broken_bodies(someone: Somebody, kind: str, raw: bytes) -> None:
    before = state()
    for headers in ({}, {"Idempotency_Key": "k"}):
        refused(someone.client.call("POST", f"/api/v1/generate/{kind}", raw=raw, **headers))
    assert state() == before


@pytest.mark.parametrize(("kind", "image"), [("img2img", "image"), ("upscale", "image"), ("pose", "poseImage"), ("img2video", "image")])
def test_neither_base64_nor_address_is_400(someone: Somebody, kind: str, image: str) -> None:
    body = {name: value for name, value in ORDERS[kind][0].items() if name != f"{image}Url"}
    for missing in ({}, {f"{image}Url": None, f"{image}Base64": None}, {f"{image}Url": "", f"{image}Base64": ""}):
        refused(someone.client.post(f"/api/v1/generate/{kind}", {**body, **missing}))


@pytest.mark.parametrize(
    "text",
    [
        "%%%", "data:image/png;base64,", "data:image/png;base64,AAAA", "data:text/html;base64,PGh0bWw+", "abc", "data:,x", "\u200b" * 8,
        data_url(picture()[:60]), data_url(b"GIF89a" + b"\0" * 100), data_url(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        base64.b64encode(b"#!/bin/sh").decode(),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_image_is_e004(someone: Somebody, text: str) -> None:
    before = state()
    answer = someone.client.post("/api/v1/generate/upscale", {"imageBase64": text})
    refused(answer, "E004")
    assert answer.data["message"] == "图片格式不支持"
    refused(someone.client.call("PUT", PROFILE, {"avatar": text}), "E004")
    assert state() == before


def test_an_image_of_more_than_ten_megabytes_is_e005(someone: Somebody) -> None:
    before = state()
    large = random.Random(1).randbytes(10 * 1024**2 + 1)
    for text in (data_url(large), base64.b64encode(large + large).decode()):
        answer = someone.client.post("/api/v1/generate/img2img", {"prompt": "x", "imageBase64": text})
        refused(answer, "E005")
        assert answer.data["message"] == "文件大小超限"
    with pytest.raises(FileTooLarge):
        image_bytes(data_url(large), 10 * 1024**2)
    assert image_bytes(data_url(large[:-1]), 10 * 1024**2) == large[:-1]
    assert state() == before


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "DATA:image/png;charset=utf-8;base64,\n"])
def test_broken_lines_of_base64_are_read(prefix: str) -> None:
    lines = base64.encodebytes(picture()).decode()
    for text in (lines, lines.replace("\n", "\r\n"), " " + lines):
        assert image_bytes(prefix + text, 10 * 1024**2) == picture()


def test_a_large_image_within_the_limit_is_taken(someone: Somebody) -> None:
    noise = Image.frombytes("RGB", (1000, 1000), random.Random(2).randbytes(3_000_000))
    file = io.BytesIO()
    noise.save(file, "PNG")
    assert len(file.getvalue()) > 2 * 1024**2
    answer = someone.client.post("/api/v1/generate/upscale", {"imageBase64": data_url(file.getvalue())})
    assert answer.status_code == 200, answer.data
    assert Asset.objects.get(source="upload").size_bytes == len(file.getvalue())


def test_a_large_body_without_an_image_is_413(someone: Somebody) -> None:
    refused(someone.client.post("/api/v1/generate/text2img", {**SMALL, "x": "x" * 3 * 1024**2}), 413, 413)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/a.png", "http://169.254.169.254/latest", "ftp://example.com/a", "x", "file:///etc/passwd", "http://[::1"]
)
def test_addresses_that_are_not_allowed(someone: Somebody, url: str) -> None:
    before = state()
    refused(someone.client.post("/api/v1/generate/upscale", {"imageUrl": url}))
    assert state() == before


def test_an_image_of_somebody_else_is_not_there(someone: Somebody, somebody: MakeSomebody, settings: Any) -> None:
    other = somebody(paid=100)
    other.client.post("/api/v1/generate/upscale", {"imageBase64": data_url(picture())})
    address = Task.objects.get().params["image_url"]
    refused(someone.client.post("/api/v1/generate/upscale", {"imageUrl": address}), 404, 404)
    assert other.client.post("/api/v1/generate/upscale", {"imageUrl": address}).status_code == 200


def test_of_a_refused_order_no_image_stays(someone: Somebody, somebody: MakeSomebody, settings: Any) -> None:
    poor, image, before = somebody(), data_url(picture()), files()
    refused(poor.client.post("/api/v1/generate/upscale", {"imageBase64": image}), "E002")
    refused(someone.client.post("/api/v1/generate/upscale", {"imageBase64": image, "model": "gone"}), "E001", 503)
    settings.SENSITIVE_WORDS = ["fox"]
    body = {**SMALL, "imageBase64": image}
    refused(someone.client.post("/api/v1/generate/img2img", body, Idempotency_Key="k"), "E006")
    assert (Asset.objects.count(), files()) == (0, before)
    settings.SENSITIVE_WORDS = []
    assert someone.client.post("/api/v1/generate/img2img", body, Idempotency_Key="k").status_code == 200
    Idempotency.objects.filter(key="k").delete()  # the answer was lost
    assert someone.client.post("/api/v1/generate/img2img", body, Idempotency_Key="k").status_code == 200
    assert (Task.objects.count(), Asset.objects.filter(source="upload").count()) == (1, 1)


def test_without_credits_it_is_e002(somebody: MakeSomebody) -> None:
    before = Posting.objects.count()
    refused(somebody().client.post("/api/v1/generate/text2img", TEXT2IMG), "E002")
    assert (Posting.objects.count(), Task.objects.count()) == (before, 0)


def test_sensitive_words_are_e006(someone: Somebody) -> None:
    before = state()
    refused(someone.client.post("/api/v1/generate/text2img", {**SMALL, "prompt": "a fox [[sensitive]]"}), "E006")
    assert state() == before


def test_an_unknown_model_and_an_engine_that_is_off_are_e001(someone: Somebody) -> None:
    refused(someone.client.post("/api/v1/generate/text2img", {**SMALL, "modelName": "gpt"}), "E001", 503)
    Engine.objects.update(is_enabled=False)
    routes.forget()
    answer = someone.client.post("/api/v1/generate/text2img", SMALL)
    refused(answer, "E001", 503)
    assert answer["Retry-After"]
    assert not any(model["available"] for model in someone.client.get("/api/v1/resources/models").data["data"])


def test_an_engine_that_rests_after_failures_is_e007(someone: Somebody) -> None:
    before = state()
    Engine.objects.update(broken_until=kernel_clock.real_now() + dt.timedelta(minutes=5))
    routes.forget()
    answer = someone.client.post("/api/v1/generate/text2img", SMALL)
    refused(answer, "E007", 503)
    assert (answer.data["message"], bool(answer["Retry-After"]), state()) == ("GPU资源不足", True, before)
    assert not any(model["available"] for model in someone.client.get("/api/v1/resources/models").data["data"])


def test_a_full_queue_is_e003(someone: Somebody, settings: Any) -> None:
    settings.RATE_LIMITS, settings.QUEUE_LIMIT = True, 1
    ordered(someone)
    refused(someone.client.post("/api/v1/generate/text2img", SMALL), "E003", 503)


@pytest.mark.parametrize("path", ["/api/v1/tasks", RECORDS])
@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "pageSize=101", "pageSize=0", "page=1e3", "page=９", "page=99999999999", "sort=password",
              "sort=%00", "order=up", "type=%27", "type=text2img"],
)  # fmt: skip
def test_bad_pages_are_400(someone: Somebody, path: str, query: str) -> None:
    answer = someone.client.get(f"{path}?{query}")
    refused(answer)
    assert answer.data["data"]["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("path", ["/api/v1/tasks", RECORDS])
def test_what_is_left_empty_is_not_asked(someone: Somebody, path: str) -> None:
    ordered(someone)
    asked = someone.client.get(f"{path}?page=&pageSize=&sort=&order=&type=&status=")
    assert (asked.status_code, asked.data["data"]) == (200, someone.client.get(path).data["data"])


def test_a_bad_status_is_400(someone: Somebody) -> None:
    refused(someone.client.get("/api/v1/tasks?status=RUNNING"))


@pytest.mark.parametrize(
    "change",
    [
        "1",
        "t2i_20241002_0",
        "t2i_20241002_-1",
        "t2i_20241002_99999999999999999999",
        "t2i_20241002_１",
        "xxx_20241002_1",
        "t2i_2024_1",
        "%00",
    ],
)
def test_names_that_no_task_can_have_are_404(someone: Somebody, change: str) -> None:
    refused(someone.client.get(f"/api/v1/tasks/{change}"), 404, 404)
    assert task_number(change) is None


def test_only_the_exact_name_is_the_task(someone: Somebody) -> None:
    prefix, day, number = ordered(someone)["taskId"].split("_")
    for name in (f"i2i_{day}_{number}", f"{prefix}_20200101_{number}", f"{prefix}_{day}_0{number}"):
        refused(someone.client.get(f"/api/v1/tasks/{name}"), 404, 404)
        refused(someone.client.call("DELETE", f"/api/v1/tasks/{name}"), 404, 404)
    assert Task.objects.get().status == "PENDING"


@pytest.mark.parametrize(
    "body",
    [
        {"nickname": "x" * 65}, {"nickname": None}, {"nickname": "a\x00b"}, {"email": "x"}, {"email": "a@b"}, {"email": "x" * 250 + "@a.cn"},
        {"phone": "123"}, {"phone": "+1"}, {"phone": 13900139000}, {"avatar": "http://10.0.0.1/a.png"}, {"avatar": "http://" + "a" * 500},
        {"avatar": 1},
    ],
    ids=range(12),
)  # fmt: skip
def test_a_bad_profile_changes_nothing(someone: Somebody, body: dict[str, Any]) -> None:
    before = User.objects.values().get(pk=someone.user.pk)
    refused(someone.client.call("PUT", PROFILE, {"nickname": "new", **body}))
    assert User.objects.values().get(pk=someone.user.pk) == before


@pytest.mark.parametrize("size", [1024**2 + 1, 1_400_000, 2_000_000])
def test_an_avatar_of_more_than_a_megabyte_is_e005(someone: Somebody, size: int) -> None:
    before = User.objects.values().get(pk=someone.user.pk)
    answer = someone.client.call("PUT", PROFILE, {"nickname": "new", "avatar": data_url(random.Random(1).randbytes(size))})
    refused(answer, "E005")
    assert answer.data["message"] == "文件大小超限"
    assert (User.objects.values().get(pk=someone.user.pk), Asset.objects.count()) == (before, 0)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x7fb"])
def test_bad_idempotency_keys(someone: Somebody, key: str) -> None:
    before = state()
    refused(someone.client.post("/api/v1/generate/text2img", SMALL, Idempotency_Key=key))
    assert state() == before


def test_an_unforeseen_exception_is_500_and_tells_nothing(someone: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("credits.api.stargraph.funds.balance_of", broken)
    answer = someone.client.get("/api/v1/users/balance")
    refused(answer, 500, 500)
    assert answer.data["message"] == "服务器内部错误"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=80)
@given(kind=st.sampled_from(sorted(ORDERS)), field=st.integers(0, 12), value=JSON)
def test_no_500_from_anything(someone: Somebody, kind: str, field: int, value: Any) -> None:
    body = ORDERS[kind][0]
    try:
        raw = orjson.dumps({**body, list(body)[field % len(body)]: value})
    except (TypeError, orjson.JSONEncodeError):
        return
    answer = someone.client.call("POST", f"/api/v1/generate/{kind}", raw=raw)
    assert answer.status_code < 500 or answer.data["code"] == "E001"
