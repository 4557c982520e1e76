"""Files by key: in a folder, and in a bucket through the real S3 client."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto.server import ThreadedMotoServer

from generation import storage

KEY = "uploads/image/00000000-0000-4000-8000-000000000001/2025/01/15/ab12_name.jpg"


@pytest.fixture
def bucket(settings: Any) -> Iterator[str]:
    import boto3

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s/t+u"
    )
    client.create_bucket(Bucket="media")
    settings.STORAGE_URL = f"s3://k:s%2Ft%2Bu@{host}:{port}/media?region=us-east-1&scheme=http"
    yield f"http://{host}:{port}/media/"
    server.stop()


def _round(key: str) -> None:
    body = bytes(range(256)) * 5000
    assert not storage.exists(key)
    storage.store(io.BytesIO(body), key, "image/jpeg")
    assert storage.exists(key)
    with storage.reading(key) as file:
        assert file.read() == body
    storage.delete(key)
    storage.delete(key)
    assert not storage.exists(key)
    with pytest.raises(FileNotFoundError), storage.reading(key) as file:
        file.read()


def test_a_folder_keeps_files(db: None) -> None:
    _round(KEY)


def test_a_bucket_keeps_files(bucket: str) -> None:
    _round(KEY)


def test_a_bucket_takes_files_of_many_parts_from_disk(bucket: str, tmp_path: Path) -> None:
    body = bytes(range(256)) * 80_000
    (tmp_path / "large").write_bytes(body)
    storage.store(tmp_path / "large", KEY, "video/mp4")
    with storage.reading(KEY) as file:
        assert file.read() == body


def test_a_bucket_hands_out_links_that_end_and_knows_its_own(bucket: str) -> None:
    storage.store(io.BytesIO(b"sealed"), KEY, "image/jpeg")
    address = storage.place().link(KEY, "image/jpeg", "inline", 60)
    assert address is not None
    answer = httpx.get(address)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"sealed", "image/jpeg")
    from urllib.parse import urlsplit

    assert storage.place().key_of(urlsplit(address)) == KEY
    assert storage.place().key_of(urlsplit("http://example.com/media/" + KEY)) is None
    assert storage.place().key_of(urlsplit(bucket.replace("/media/", "/other/") + KEY)) is None


@pytest.mark.parametrize("key", ["../x", "a/../x", "/etc/passwd", "a//b", ".hidden", "a/.part-x", "", "a b", "a\x00b", "a/"])
def test_refuses_keys_that_lead_elsewhere(key: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        storage.store(io.BytesIO(b"x"), key, "image/jpeg")
    assert not list((tmp_path / "data").rglob("*"))


def test_a_write_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 500_000:
                raise OSError("gone")
            return super().read(size)

    with pytest.raises(OSError, match="gone"):
        storage.store(Broken(bytes(1_000_000)), KEY, "image/jpeg")
    assert not storage.exists(KEY)
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_an_overwrite_is_seen_whole_or_not_at_all() -> None:
    storage.store(io.BytesIO(b"old" * 100), KEY, "image/jpeg")
    with storage.reading(KEY) as reader:
        storage.store(io.BytesIO(b"new"), KEY, "image/jpeg")
        assert reader.read() == b"old" * 100
    with storage.reading(KEY) as reader:
        assert reader.read() == b"new"


def test_what_a_dead_process_left_half_written_is_swept(tmp_path: Path) -> None:
    parts = tmp_path / "data" / "media" / ".parts"
    storage.store(io.BytesIO(b"x"), KEY, "image/jpeg")
    old, fresh, folder = parts / "old", parts / "fresh", storage.work_folder() / "tmpold"
    folder.mkdir()
    for path in (old, fresh, folder / "part"):
        path.write_bytes(b"x")
    for path in (old, folder):
        os.utime(path, (0, 0))
    storage.sweep_leftovers(older_than_s=86_400)
    assert (old.exists(), fresh.exists(), folder.exists(), storage.exists(KEY)) == (False, True, False, True)


def test_an_unknown_scheme_is_a_mistake_of_the_settings(settings: Any) -> None:
    settings.STORAGE_URL = "ftp://example.com/"
    with pytest.raises(ValueError, match="STORAGE_URL"):
        storage.exists(KEY)
