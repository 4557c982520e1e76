"""What a task is made from: one's own file, or a foreign address, never anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from config.kernel.outbound import AddressRefused
from generation import storage
from generation.exceptions_media import FileTooLarge, MediaInvalid, MediaTooLarge
from generation.services import input as service
from generation.services.input import input_fetch
from generation.services.link import link_of
from generation.services.upload import upload_create
from tests.generation.media.conftest import MakeImage, MakeVideo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO = True


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def test_an_own_upload_comes_out_of_storage_and_is_in_use(user_factory: Any, make_video: MakeVideo, workdir: Path) -> None:
    user, path = user_factory(), make_video(seconds=1.25)
    asset = upload_create(user_id=user.pk, path=path, kind="video")
    found = input_fetch(user_id=user.pk, url=link_of(asset) + "?directive=fail:1", kind="video", workdir=workdir)
    assert (found.name, found.content_type, found.duration_ms, found.query) == ("video", "video/mp4", 1250, "directive=fail:1")
    assert found.path.read_bytes() == path.read_bytes()
    asset.refresh_from_db()
    assert asset.used_at is not None


def test_somebody_elses_upload_is_no_file_of_yours(user_factory: Any, make_image: MakeImage, workdir: Path) -> None:
    asset = upload_create(user_id=user_factory().pk, path=make_image(), kind="image")
    with pytest.raises(MediaInvalid, match="no file of yours"):
        input_fetch(user_id=user_factory().pk, url=link_of(asset), kind="image", workdir=workdir)
    asset.refresh_from_db()
    assert (asset.used_at, list(workdir.iterdir())) == (None, [])


def test_own_files_are_held_to_kind_and_size_and_must_still_be_there(
    user_factory: Any, make_image: MakeImage, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = user_factory()
    asset = upload_create(user_id=user.pk, path=make_image(), kind="image")
    with pytest.raises(MediaInvalid, match="not a video"):
        input_fetch(user_id=user.pk, url=link_of(asset), kind="video", workdir=workdir)
    monkeypatch.setitem(service.LIMITS_BYTES, "image", asset.size_bytes - 1)
    with pytest.raises(FileTooLarge):
        input_fetch(user_id=user.pk, url=link_of(asset), kind="image", workdir=workdir)
    monkeypatch.undo()
    storage.delete(asset.storage_key)
    with pytest.raises(MediaInvalid, match="no longer stored"):
        input_fetch(user_id=user.pk, url=link_of(asset), kind="image", workdir=workdir)


def test_a_foreign_image_is_fetched_and_judged(user_factory: Any, make_image: MakeImage, httpserver: HTTPServer, workdir: Path) -> None:
    body = make_image("a.png").read_bytes()
    httpserver.expect_request("/a").respond_with_data(body, content_type="text/html")
    found = input_fetch(
        user_id=user_factory().pk, url=httpserver.url_for("/a?directive=fail"), kind="image", workdir=workdir, name="image_0"
    )
    assert (found.name, found.content_type, found.duration_ms, found.query) == ("image_0", "image/png", None, "directive=fail")
    assert found.path.read_bytes() == body


def test_a_foreign_video_is_measured(user_factory: Any, make_video: MakeVideo, httpserver: HTTPServer, workdir: Path) -> None:
    httpserver.expect_request("/v").respond_with_data(make_video(seconds=2.5).read_bytes())
    found = input_fetch(user_id=user_factory().pk, url=httpserver.url_for("/v"), kind="video", workdir=workdir)
    assert (found.content_type, found.duration_ms) == ("video/mp4", 2500)


def test_foreign_addresses_that_cannot_be_used_say_why(
    user_factory: Any, make_image: MakeImage, make_video: MakeVideo, httpserver: HTTPServer, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = user_factory()
    httpserver.expect_request("/page").respond_with_data("<html>", content_type="image/jpeg")
    httpserver.expect_request("/gone").respond_with_data("", status=404)
    httpserver.expect_request("/large").respond_with_data(b"x" * 3_000_000)
    httpserver.expect_request("/video").respond_with_data(make_video().read_bytes())
    monkeypatch.setitem(service.LIMITS_BYTES, "image", 2_000_000)
    with pytest.raises(FileTooLarge, match="at most 1 MB"):
        input_fetch(user_id=user.pk, url=httpserver.url_for("/large"), kind="image", workdir=workdir)
    for path, reason in (("/page", "JPEG, PNG"), ("/gone", "answered 404"), ("/video", "not an image")):
        with pytest.raises(MediaInvalid, match=reason):
            input_fetch(user_id=user.pk, url=httpserver.url_for(path), kind="image", workdir=workdir)
    httpserver.expect_request("/wide").respond_with_data(make_image("wide.png", (8193, 8)).read_bytes())
    with pytest.raises(MediaTooLarge, match="8192 pixels"):
        input_fetch(user_id=user.pk, url=httpserver.url_for("/wide"), kind="image", workdir=workdir)
    for url in ("http://169.254.169.254/x", "http://10.0.0.1/x", "file:///etc/passwd", "no address"):
        with pytest.raises(AddressRefused):
            input_fetch(user_id=user.pk, url=url, kind="image", workdir=workdir)
