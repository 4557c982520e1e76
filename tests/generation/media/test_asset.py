"""Assets: rows and files come and go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from PIL import Image

from config.kernel import clock as kernel_clock
from generation import storage
from generation.exceptions_media import MediaInvalid, QuotaExceeded
from generation.models import Asset
from generation.services import asset as service
from generation.services.asset import asset_create_from_path, asset_delete, asset_mark_used, asset_sweep_orphans, plain_name
from generation.services.upload import upload_create
from tests.generation.media.conftest import MakeImage, MakeVideo

pytestmark = pytest.mark.django_db


def stored() -> list[Path]:
    root = Path(django_settings.DATA_DIR) / "media"
    return [path for path in root.rglob("*") if path.is_file()]


def test_an_upload_is_stored_with_its_thumbnail(user_factory: Any, make_image: MakeImage) -> None:
    user = user_factory()
    path = make_image("a.jpg", (1000, 500))
    asset = upload_create(user_id=user.pk, path=path, kind="image", name="../My summer photo 夏.JPEG")
    day = f"{kernel_clock.now():%Y/%m/%d}"
    assert asset.storage_key.startswith(f"uploads/image/{user.uuid}/{day}/")
    assert asset.storage_key.endswith("_My-summer-photo.jpg")
    assert (asset.kind, asset.content_type, asset.width, asset.height, asset.duration_ms) == ("image", "image/jpeg", 1000, 500, None)
    assert (asset.size_bytes, asset.used_at, asset.is_public) == (path.stat().st_size, None, False)
    assert asset.thumbnail is not None
    with storage.reading(asset.storage_key) as file:
        assert file.read() == path.read_bytes()
    with storage.reading(asset.thumbnail.storage_key) as file:
        assert Image.open(file).size == (640, 320)
    assert len(stored()) == 2


def test_an_output_of_a_worker_is_in_use_from_the_start(user_factory: Any, make_video: MakeVideo) -> None:
    asset = asset_create_from_path(user_id=user_factory().pk, path=make_video(seconds=1.5), source=Asset.Source.OUTPUT)
    asset.refresh_from_db()
    assert (asset.source, asset.kind, asset.duration_ms) == ("output", "video", 1500)
    assert asset.used_at is not None
    assert asset.storage_key.startswith("outputs/video/")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.jpg", "a"),
        ("", ""),
        ("夏.png", ""),
        ("..\\..\\x.png", "x"),
        ("a" * 200 + ".png", "a" * 60),
        ("-.-.jpg", ""),
        ("été.webp", "ete"),
        ("a;b c", "a-b-c"),
    ],
)
def test_names_of_clients_become_harmless(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_another_kind_leaves_neither_row_nor_file(user_factory: Any, make_image: MakeImage, make_video: MakeVideo, tmp_path: Path) -> None:
    user = user_factory()
    (tmp_path / "page.jpg").write_bytes(b"<html>")
    for path, kind in ((make_video(), "image"), (make_image(), "video"), (tmp_path / "page.jpg", "image")):
        with pytest.raises(MediaInvalid):
            upload_create(user_id=user.pk, path=path, kind=kind)
    assert (Asset.objects.count(), stored()) == (0, [])


def test_a_storage_that_fails_leaves_neither_row_nor_file(
    user_factory: Any, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, real = user_factory(), storage.store

    def fail(source: Any, key: str, content_type: str) -> None:
        if key.startswith("uploads/"):
            raise OSError("disk full")
        real(source, key, content_type)

    monkeypatch.setattr(storage, "store", fail)
    with pytest.raises(OSError, match="disk full"):
        upload_create(user_id=user.pk, path=make_image(), kind="image")
    assert (Asset.objects.count(), stored()) == (0, [])


def test_the_quota_counts_the_owners_uploads_only(user_factory: Any, make_image: MakeImage, settings: Any) -> None:
    one, other, path = user_factory(), user_factory(), make_image()
    size = path.stat().st_size
    settings.STORAGE_QUOTA_BYTES = size * 2
    for _ in range(3):
        asset_create_from_path(user_id=one.pk, path=path, source=Asset.Source.OUTPUT)
    for _ in range(2):
        upload_create(user_id=one.pk, path=path, kind="image")
    before = (Asset.objects.count(), len(stored()))
    with pytest.raises(QuotaExceeded):
        upload_create(user_id=one.pk, path=path, kind="image")
    assert (Asset.objects.count(), len(stored())) == before
    upload_create(user_id=other.pk, path=path, kind="image")


def test_an_unused_upload_is_swept_after_a_day_and_a_used_one_stays(user_factory: Any, make_image: MakeImage, clock: Any) -> None:
    user = user_factory()
    unused, used = (upload_create(user_id=user.pk, path=make_image(), kind="image") for _ in range(2))
    output = asset_create_from_path(user_id=user.pk, path=make_image(), source=Asset.Source.OUTPUT)
    asset_mark_used(asset_ids=[used.pk])
    clock.advance(hours=23)
    assert asset_sweep_orphans() == 0
    clock.advance(hours=2)
    assert asset_sweep_orphans(limit=10) == 1
    assert set(Asset.objects.exclude(source="thumbnail")) == {used, output}
    assert len(stored()) == 4
    assert not storage.exists(unused.storage_key)
    assert asset_sweep_orphans() == 0


def test_what_a_crash_left_half_made_is_swept_too(
    user_factory: Any, make_image: MakeImage, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the rows and the thumbnail, before the file: nothing cleans up at once."""
    user = user_factory()
    monkeypatch.setattr(service, "asset_mark_used", lambda **_: pytest.fail("the process was dead"))
    monkeypatch.setattr(service, "asset_delete", lambda **_: None)
    real = storage.store
    monkeypatch.setattr(storage, "store", lambda source, key, kind: real(source, key, kind) if key.startswith("thumb") else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        asset_create_from_path(user_id=user.pk, path=make_image(), source=Asset.Source.OUTPUT)
    assert (Asset.objects.count(), len(stored())) == (2, 1)
    monkeypatch.undo()
    clock.advance(hours=25)
    assert asset_sweep_orphans() == 1
    assert (Asset.objects.count(), stored()) == (0, [])


def test_deleting_takes_the_thumbnail_along(user_factory: Any, make_image: MakeImage) -> None:
    asset = upload_create(user_id=user_factory().pk, path=make_image(), kind="image")
    asset_delete(asset=asset)
    assert (Asset.objects.count(), stored()) == (0, [])
