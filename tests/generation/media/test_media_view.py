"""`/media/`: the file for those who hold a link, in whole or in parts, and 404 for everybody else."""

from __future__ import annotations

import asyncio
import io
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncRequestFactory, Client
from django.utils.http import http_date

from config.kernel import clock as kernel_clock
from generation import storage
from generation.models import Asset
from generation.services.link import link_of, public_link_of
from generation.web.media import media
from tests.generation.media.test_storage import bucket  # noqa: F401

pytestmark = pytest.mark.django_db
BODY = bytes(range(256)) * 4000


@pytest.fixture
def asset(user_factory: Any) -> Asset:
    found = Asset.objects.create(
        user=user_factory(),
        source="output",
        kind="video",
        storage_key="outputs/video/x/2025/01/15/a.mp4",
        content_type="video/mp4",
        size_bytes=len(BODY),
        sha256=b"\x01" * 32,
        created_at=kernel_clock.now(),
    )
    storage.store(io.BytesIO(BODY), found.storage_key, found.content_type)
    return found


def get(link: str, method: str = "get", **headers: str) -> Any:
    path = "/media/" + link.partition("/media/")[2]
    return getattr(Client(), method)(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_serves_the_whole_file_with_what_players_need(asset: Asset) -> None:
    answer = get(link_of(asset))
    assert (answer.status_code, content(answer)) == (200, BODY)
    assert answer["Content-Type"] == "video/mp4"
    assert answer["Content-Length"] == str(len(BODY))
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["ETag"] == f'"{"01" * 32}"'
    assert answer["Last-Modified"] == http_date(asset.created_at.timestamp())
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, max-age=3600"
    assert answer["Content-Disposition"] == f'inline; filename="{asset.uuid}.mp4"'
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_head_tells_the_same_without_the_body(asset: Asset) -> None:
    answer = get(link_of(asset), "head", Range="bytes=0-9")
    assert (answer.status_code, answer.content, answer["Content-Length"]) == (200, b"", str(len(BODY)))


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("bytes=0-99", 0, 99), ("bytes=1000000-", 1000000, len(BODY) - 1), ("bytes=-5", len(BODY) - 5, len(BODY) - 1)],
)
def test_serves_one_part(wanted: str, start: int, end: int, asset: Asset) -> None:
    answer = get(link_of(asset), Range=wanted)
    assert (answer.status_code, content(answer)) == (206, BODY[start : end + 1])
    assert answer["Content-Range"] == f"bytes {start}-{end}/{len(BODY)}"
    assert answer["Content-Length"] == str(end - start + 1)


def test_serves_several_parts(asset: Asset) -> None:
    answer = get(link_of(asset), Range="bytes=0-9,300000-300009")
    body = content(answer)
    boundary = answer["Content-Type"].partition("boundary=")[2].encode()
    assert answer.status_code == 206
    assert answer["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert int(answer["Content-Length"]) == len(body)
    parts = body.split(b"--" + boundary)[1:-1]
    assert [part.partition(b"\r\n\r\n")[2][:-2] for part in parts] == [BODY[0:10], BODY[300000:300010]]
    assert f"Content-Range: bytes 300000-300009/{len(BODY)}".encode() in parts[1]
    assert body.endswith(b"--" + boundary + b"--\r\n")


def test_a_part_beyond_the_end_is_416(asset: Asset) -> None:
    answer = get(link_of(asset), Range=f"bytes={len(BODY)}-")
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(BODY)}")


@pytest.mark.parametrize("wanted", ["bytes=9-1", "rows=1-2", "nonsense"])
def test_an_unreadable_range_is_ignored(wanted: str, asset: Asset) -> None:
    assert get(link_of(asset), Range=wanted).status_code == 200


def test_if_range_gives_the_part_only_of_the_same_file(asset: Asset) -> None:
    link, tag = link_of(asset), f'"{"01" * 32}"'
    modified = http_date(asset.created_at.timestamp())
    for condition, status in ((tag, 206), (modified, 206), ('"other"', 200), (f"W/{tag}", 200), (http_date(1), 200)):
        assert get(link, Range="bytes=0-9", If_Range=condition).status_code == status


def test_a_known_file_is_not_sent_again(asset: Asset) -> None:
    link, tag = link_of(asset), f'"{"01" * 32}"'
    for headers, status in (
        ({"If_None_Match": tag}, 304),
        ({"If_None_Match": f'"x", W/{tag}'}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_Modified_Since": http_date(asset.created_at.timestamp())}, 304),
        ({"If_Modified_Since": http_date(asset.created_at.timestamp() - 10)}, 200),
        ({"If_None_Match": '"x"', "If_Modified_Since": http_date(asset.created_at.timestamp())}, 200),
    ):
        assert get(link, **headers).status_code == status


def test_everything_but_a_valid_link_is_404(asset: Asset) -> None:
    link = link_of(asset)
    token = link.split("/")[-2]
    for path in (
        public_link_of(asset),
        link.replace(token, token[:-1] + ("A" if token[-1] != "A" else "B")),
        link.replace(token, "x"),
        link.replace(str(asset.uuid), str(uuid4())),
        link.replace(".mp4", ".html"),
        link.replace(".mp4", ""),
        link.replace(str(asset.uuid), str(asset.uuid).upper() + "x"),
    ):
        answer = get(path)
        assert (answer.status_code, answer["Cache-Control"]) == (404, "no-store"), path


def test_a_public_asset_is_open_and_closes_again(asset: Asset) -> None:
    Asset.objects.filter(pk=asset.pk).update(is_public=True)
    answer = get(public_link_of(asset))
    assert (answer.status_code, answer["Cache-Control"]) == (200, "public, max-age=3600")
    content(answer)
    Asset.objects.filter(pk=asset.pk).update(is_public=False)
    assert get(public_link_of(asset)).status_code == 404


def test_what_is_not_safe_to_show_is_a_download(asset: Asset) -> None:
    Asset.objects.filter(pk=asset.pk).update(content_type="text/html")
    answer = get(link_of(asset))
    assert answer["Content-Disposition"].startswith("attachment;")
    content(answer)


def test_other_methods_are_refused_and_a_lost_file_is_404(asset: Asset) -> None:
    answer = get(link_of(asset), "post")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    storage.delete(asset.storage_key)
    assert get(link_of(asset)).status_code == 404


def test_a_bucket_gets_a_redirect_to_a_link_that_ends(asset: Asset, bucket: str) -> None:  # noqa: F811
    import httpx

    storage.store(io.BytesIO(BODY), asset.storage_key, "video/mp4")
    answer = get(link_of(asset))
    assert answer.status_code == 302
    assert answer["Location"].startswith(bucket)
    part = httpx.get(answer["Location"], headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, BODY[:10], "video/mp4")


def test_an_asynchronous_server_streams_without_reading_it_all(asset: Asset) -> None:
    token, name = link_of(asset).split("/")[-2:]
    response: Any = media(AsyncRequestFactory().get("/x", headers={"Range": "bytes=5-"}), token, name)

    async def read() -> bytes:
        assert response.is_async
        found = [chunk async for chunk in response.streaming_content]
        await sync_to_async(response.close)()
        assert len(found) > 2
        return b"".join(found)

    assert asyncio.run(read()) == BODY[5:]
