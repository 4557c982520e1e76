"""A user's own picture: an upload that everybody may see."""

from __future__ import annotations

from pathlib import Path

from generation.models import Asset
from generation.services.asset import asset_mark_used
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
