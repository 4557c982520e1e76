"""`POST resources/upload`: an image becomes the caller's own asset, or nothing of it remains."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from PIL import Image

from generation.models import Asset, Task
from tests.contracts.people import Somebody
from tests.contracts.stargraph.conftest import MakeSomebody, data_url, painted, picture

pytestmark = pytest.mark.django_db
UPLOAD = "/api/v1/resources/upload"
LIMIT = 10 * 1024**2


@pytest.fixture
def someone(somebody: MakeSomebody) -> Somebody:
    return somebody(paid=100)


def form(content: bytes, *, field: str = "file", name: str = "a.png", boundary: str = "b1", type: str = "image/png") -> tuple[bytes, str]:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {type}\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def sent(someone: Somebody, content: bytes, *, key: str = "", **how: Any) -> Any:
    body, content_type = form(content, **how)
    headers = {"Idempotency_Key": key} if key else {}
    return someone.client.call("POST", UPLOAD, raw=body, content_type=content_type, **headers)


def test_an_upload_tells_what_it_truly_is_and_can_be_used(someone: Somebody, somebody: MakeSomebody) -> None:
    answer = sent(someone, picture("JPEG", (120, 80)), name="holiday.exe", type="text/html")
    assert (answer.status_code, answer.data["code"], answer.data["message"]) == (200, 200, "上传成功")
    data, asset = answer.data["data"], Asset.objects.get(source="upload")
    assert (asset.user_id, asset.is_public, asset.used_at) == (someone.user.pk, False, None)
    assert f"/{asset.uuid}.jpg" in data["url"]
    assert f"/{asset.thumbnail.uuid}.jpg" in data["thumbnailUrl"]
    assert {name: data[name] for name in ("size", "width", "height", "format")} == {
        "size": asset.size_bytes, "width": 120, "height": 80, "format": "JPEG",
    }  # fmt: skip
    shown = Client().get(data["url"].partition("//")[2].partition("/")[2].join(("/", "")))
    assert b"".join(shown.streaming_content) == picture("JPEG", (120, 80))
    order = {"imageUrl": data["url"]}
    assert somebody(paid=100).client.post("/api/v1/generate/upscale", order).status_code == 404
    assert someone.client.post("/api/v1/generate/upscale", order).status_code == 200
    assert str(asset.uuid) in Task.objects.get().params["image_url"]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_formats(someone: Somebody, format: str) -> None:
    assert sent(someone, picture(format)).data["data"]["format"] == format


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"#!/bin/sh\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"\0" * 99, picture()[:60], b"\x89PNG\r\n\x1a\n" + b"\0" * 99,
     b"\0\0\0\x18ftypmp42" + b"\0" * 99, b"PK\x03\x04" + b"\0" * 99],
    ids=range(9),
)  # fmt: skip
def test_what_is_no_image_is_e004(someone: Somebody, content: bytes) -> None:
    answer = sent(someone, content)
    assert (answer.status_code, answer.data["code"], answer.data["message"]) == (400, "E004", "图片格式不支持")
    assert not Asset.objects.exists()


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 64 * 1024 + 1, 2 * LIMIT])
def test_more_than_ten_megabytes_is_e005(someone: Somebody, size: int) -> None:
    answer = sent(someone, random.Random(1).randbytes(size))
    assert (answer.status_code, answer.data["code"], answer.data["message"]) == (400, "E005", "文件大小超限")
    assert not Asset.objects.exists()


def test_almost_ten_megabytes_are_taken(someone: Somebody) -> None:
    file = io.BytesIO()
    Image.frombytes("RGB", (1800, 1800), random.Random(2).randbytes(1800 * 1800 * 3)).save(file, "PNG")
    assert 9 * 1024**2 < len(file.getvalue()) < LIMIT
    assert sent(someone, file.getvalue()).data["data"]["size"] == len(file.getvalue())


@pytest.mark.parametrize("size", [(8193, 8), (8, 8193), (7100, 7100)])
def test_an_image_of_more_pixels_than_we_open_is_e005(someone: Somebody, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    Image.new("1", size).save(file, "PNG")
    answer = sent(someone, file.getvalue())
    told = (400, "E005", "图片过大：每边最多 8192 像素，总计最多 5000 万像素")
    assert (answer.status_code, answer.data["code"], answer.data["message"]) == told
    order = someone.client.post("/api/v1/generate/upscale", {"imageBase64": data_url(file.getvalue())})
    assert (order.status_code, order.data["code"], order.data["message"]) == told
    assert (Asset.objects.count(), Task.objects.count()) == (0, 0)


def test_a_full_storage_is_400(someone: Somebody, settings: Any) -> None:
    settings.STORAGE_QUOTA_BYTES = len(picture()) + 1
    assert sent(someone, picture()).status_code == 200
    answer = sent(someone, picture())
    assert (answer.status_code, answer.data["code"], answer.data["message"]) == (400, 400, "存储空间已满")
    assert Asset.objects.filter(source="upload").count() == 1


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b"", "multipart/form-data; boundary=b1"), (b"", "multipart/form-data"), (b"x", "multipart/form-data; boundary="),
        (b"x" * 99, "multipart/form-data; boundary=\xff"), (b"x", "multipart/form-data; charset=nothing; boundary=b1"),
        (b"--b1\r\n", "multipart/form-data; boundary=b1"), (b"{}", "application/json"), (b"file=x", "application/x-www-form-urlencoded"),
        (form(picture(), field="other")[0], "multipart/form-data; boundary=b1"), (form(picture())[0], "multipart/form-data; boundary=b2"),
        (b'--b1\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--b1--\r\n', "multipart/form-data; boundary=b1"),
        (b'--b1\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--b1--\r\n', "multipart/form-data; boundary=b1"),
        (b'--b1\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 3000 + b"--b1--\r\n", "multipart/form-data; boundary=b1"),
        (b'--b1\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 3 * 1024**2 + b"\r\n--b1--\r\n", "multipart/form-data; boundary=b1"),
        (b'--b1\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nx\r\n' * 3000 + b"--b1--\r\n", "multipart/form-data; boundary=b1"),
        (b'--b1\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%\r\n--b1--\r\n', "multipart/form-data; boundary=b1"),
    ],
    ids=range(16),
)  # fmt: skip
def test_broken_forms_are_400(someone: Somebody, raw: bytes, content_type: str) -> None:
    for headers in ({}, {"Idempotency_Key": "k"}):
        answer = someone.client.call("POST", UPLOAD, raw=raw, content_type=content_type, **headers)
        assert (answer.status_code, answer.data["data"]["errors"][0]["field"]) == (400, "file"), answer.data
    assert not Asset.objects.exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 500 + ".png", "\u202e.png", "a\x00b.png", "con", "%2e%2e%2f"], ids=range(6))
def test_names_do_not_matter(someone: Somebody, name: str) -> None:
    assert sent(someone, picture(), name=name).status_code == 200
    assert ".." not in Asset.objects.get(source="upload").storage_key


def test_the_same_key_and_file_is_the_same_upload_whatever_the_boundary(someone: Somebody) -> None:
    first = sent(someone, picture(), key="one")
    again = sent(someone, picture(), key="one", boundary="another")
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    with transaction.atomic():
        other = sent(someone, painted("red"), key="one")
        transaction.set_rollback(True)
    assert (other.status_code, other.data["code"]) == (409, 409)
    assert Asset.objects.filter(source="upload").count() == 1
    assert sent(someone, b"x", key="two").data["code"] == "E004"
    assert sent(someone, picture(), key="two").status_code == 200
