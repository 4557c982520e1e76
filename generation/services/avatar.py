"""A user's own picture: an upload that everybody may see."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from config.kernel.errors import NotFound
from config.kernel.outbound import AddressRefused
from generation import storage
from generation.exceptions_media import FileTooLarge
from generation.models import Asset
from generation.services.asset import asset_mark_used
from generation.services.link import own_asset_of
from generation.services.upload import upload_create


def avatar_create(*, user_id: int, path: Path) -> Asset:
    """The image at `path` is the user's public asset, in use from now on; the caller removes `path`.

    Call it outside transactions. Raises MediaInvalid, QuotaExceeded; then neither row nor file remains. Source: 002 §4.2.
    """
    asset = upload_create(user_id=user_id, path=path, kind="image", name="avatar")
    asset_mark_used(asset_ids=[asset.pk])
    Asset.objects.filter(user_id=user_id, pk__in=[asset.pk, asset.thumbnail_id]).update(is_public=True)
    asset.is_public = True
    return asset


def avatar_of_own(*, user_id: int, url: str, limit_bytes: int) -> Asset | None:
    """A copy of the caller's own image that `url` names is their public asset, as in `avatar_create`; None for a foreign address.

    A copy, because signed links end and files of tasks stay private. Call it outside transactions.
    Raises AddressRefused, NotFound (not the caller's own), MediaInvalid, FileTooLarge, QuotaExceeded.
    """
    asset = own_asset_of(url, user_id)
    if asset is None:
        return None
    if asset.size_bytes > limit_bytes:
        raise FileTooLarge(limit_mb=limit_bytes // 1024**2)
    with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder:
        path = Path(folder) / "image"
        with storage.reading(asset.storage_key) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file, storage.CHUNK_BYTES)
        return avatar_create(user_id=user_id, path=path)


def avatar_replaced(user_id: int, number: int, payload: dict[str, Any]) -> None:
    """The picture that was the user's avatar is nobody's to see any more, and the sweep of unused files takes it within a day.

    A reaction to `user.avatar_replaced`; foreign addresses are left alone, and repeating it changes nothing.
    """
    try:
        asset = own_asset_of(payload["before"], user_id)
    except (NotFound, AddressRefused):
        return
    if asset is not None and asset.source == Asset.Source.UPLOAD and asset.is_public:
        Asset.objects.filter(user_id=user_id, pk__in=[asset.pk, asset.thumbnail_id]).update(is_public=False)
        Asset.objects.filter(user_id=user_id, pk=asset.pk).update(used_at=None)
