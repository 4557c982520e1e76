"""POST /api/videos/upload: the documents' answer, and refusals that leave nothing."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.wsgi import get_wsgi_application
from django.db import connection

from generation import storage
from generation.api.video import upload
from generation.models import Asset
from tests.generation.media.conftest import MakeImage, MakeVideo

URL = "/api/videos/upload"


def files() -> list[Path]:
    return [path for path in Path(django_settings.DATA_DIR).rglob("*") if path.is_file()]


def form(path: Path, name: str = "", content_type: str = "application/octet-stream", **fields: str) -> dict[str, Any]:
    return {**fields, "file": SimpleUploadedFile(name or path.name, path.read_bytes(), content_type)}


@pytest.mark.django_db
def test_answers_as_the_document_shows(api: Any, user_factory: Any, make_image: MakeImage) -> None:
    user, path = user_factory(), make_image("image.jpg", (200, 100))
    answer = api(user, key=True).upload(URL, form(path, file_type="image"))
    asset = Asset.objects.get(source="upload")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body == {
        "success": True,
        "file_url": answer.body["file_url"],
        "storage_key": asset.storage_key,
        "file_size": path.stat().st_size,
        "content_type": "image/jpeg",
        "file_type": "image",
        "message": "Image uploaded successfully",
    }
    assert asset.storage_key.startswith(f"uploads/image/{user.uuid}/")
    got = api().get("/media/" + answer.body["file_url"].partition("/media/")[2])
    assert b"".join(got.raw.streaming_content) == path.read_bytes()
    assert sorted(path.name[:7] for path in files()) == sorted(
        [Path(asset.storage_key).name[:7], Path(asset.thumbnail.storage_key).name[:7]]
    )


@pytest.mark.django_db
def test_takes_videos_and_images_by_default(api: Any, user_factory: Any, make_image: MakeImage, make_video: MakeVideo) -> None:
    client = api(user_factory(), key=True)
    video = client.upload(URL, form(make_video("clip.mov", container="mov"), name="clip.MP4", file_type="video"))
    assert (video.status, video.body["content_type"], video.body["message"]) == (200, "video/quicktime", "Video uploaded successfully")
    assert video.body["storage_key"].endswith("_clip.mov")
    assert client.upload(URL, form(make_image("a.webp"))).body["content_type"] == "image/webp"


@pytest.mark.django_db
def test_needs_a_user_and_a_key(api: Any, user_factory: Any, make_image: MakeImage) -> None:
    user = user_factory()
    for client in (api(), api(user), api(key=True)):
        assert client.upload(URL, form(make_image())).status == 401
    assert (Asset.objects.count(), files()) == (0, [])


@pytest.mark.django_db
def test_refuses_in_the_contracts_shape_and_keeps_nothing(
    api: Any, user_factory: Any, make_image: MakeImage, make_video: MakeVideo, tmp_path: Path
) -> None:
    client = api(user_factory(), key=True)
    (tmp_path / "page.jpg").write_bytes(b"<html>")
    cases: list[tuple[dict[str, Any], str]] = [
        (form(tmp_path / "page.jpg", content_type="image/jpeg"), "file"),
        (form(make_video(), file_type="image"), "file"),
        (form(make_image(), file_type="video"), "file"),
        (form(make_image(), file_type="audio"), "file_type"),
        ({"file_type": "image"}, "file"),
        ({"file": "text"}, "file"),
        ({"other": SimpleUploadedFile("a.jpg", make_image().read_bytes())}, "file"),
    ]
    for fields, where in cases:
        answer = client.upload(URL, fields)
        assert answer.status == 422, fields
        assert [(fault["loc"], set(fault)) for fault in answer.body["detail"]] == [(["body", where], {"loc", "msg", "type"})]
    for raw in (b"", b"{}", b"--x\r\nnonsense"):
        assert client.request("POST", URL, raw=raw).status == 422
    assert (Asset.objects.count(), files()) == (0, [])


@pytest.mark.django_db
def test_a_full_storage_is_said_so(api: Any, user_factory: Any, make_image: MakeImage, settings: Any) -> None:
    settings.STORAGE_QUOTA_BYTES = 10
    answer = api(user_factory(), key=True).upload(URL, form(make_image()))
    assert (answer.status, answer.body["detail"][0]["type"]) == (422, "value_error.quota_exceeded")
    assert (Asset.objects.count(), files()) == (0, [])


@pytest.mark.django_db
def test_a_declared_length_beyond_the_limit_is_refused_unread(api: Any, user_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "UPLOAD_LIMIT_BYTES", 100_000)
    monkeypatch.setattr(upload, "_form", lambda _: pytest.fail("the body was read"))
    answer = api(user_factory(), key=True).upload(URL, {"file": SimpleUploadedFile("a.jpg", bytes(300_000))})
    assert (answer.status, answer.body["detail"][0]["type"]) == (422, "value_error.file_too_large")
    assert files() == []


@pytest.mark.django_db
def test_a_file_beyond_the_limit_is_refused_while_it_comes(api: Any, user_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "UPLOAD_LIMIT_BYTES", 200_000)
    monkeypatch.setattr(upload, "FORM_SLACK_BYTES", 10_000_000)
    seen: list[int] = []
    real = upload.DiskHandler.receive_data_chunk

    def count(self: Any, raw: bytes, start: int) -> None:
        seen.append(len(raw))
        real(self, raw, start)

    monkeypatch.setattr(upload.DiskHandler, "receive_data_chunk", count)
    answer = api(user_factory(), key=True).upload(URL, {"file": SimpleUploadedFile("a.jpg", bytes(5_000_000))})
    assert (answer.status, answer.body["detail"][0]["type"]) == (422, "value_error.file_too_large")
    assert sum(seen) < 400_000
    assert (Asset.objects.count(), files()) == (0, [])


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return


def test_the_answer_comes_before_the_client_has_sent_it_all(
    committed_db: Any, api: Any, user_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends 5 MB and then waits gets its answer although it announced 80 MB."""
    monkeypatch.setattr(upload, "UPLOAD_LIMIT_BYTES", 1_000_000)
    monkeypatch.setattr(upload, "FORM_SLACK_BYTES", 100_000_000)
    client = api(user_factory(), key=True)
    application = get_wsgi_application()

    def served(environ: Any, start: Any) -> Any:
        try:
            return application(environ, start)
        finally:
            connection.close()

    server = make_server("127.0.0.1", 0, served, handler_class=_Quiet)
    thread = threading.Thread(target=server.handle_request, daemon=True)
    thread.start()
    head = (
        f"POST {URL} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {client.token}\r\nX-API-Key: {client.key}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 80000000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    ).encode()
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as sock:
        sock.sendall(head + bytes(1_300_000))
        began = time.monotonic()
        answer = sock.recv(4096)
    thread.join(10)
    server.server_close()
    assert b" 422 " in answer.split(b"\r\n")[0]
    assert time.monotonic() - began < 10
    assert not Asset.objects.exists()


@pytest.mark.django_db
def test_a_storage_that_fails_is_a_500_without_leftovers(
    api: Any, user_factory: Any, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(storage, "store", fail)
    answer = api(user_factory(), key=True).upload(URL, form(make_image()))
    assert answer.status == 500
    assert "disk" not in str(answer.body)
    assert (Asset.objects.count(), files()) == (0, [])
