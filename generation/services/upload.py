"""Uploads: a file of a user becomes an asset, or nothing of it remains."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.conf import settings

from generation import storage
from generation.exceptions_media import MediaInvalid
from generation.media import judged
from generation.models import Asset
from generation.services.asset import asset_create_from_path

UPLOAD_LIMIT_BYTES = 100 * 1024**2


def upload_create(*, user_id: int, path: Path, kind: str, name: str = "") -> Asset:
    """The file at `path` is the user's asset of that kind ("image" or "video"), judged by its content alone.

    Call it outside transactions. Raises MediaInvalid (other kind, damaged), MediaTooLarge (too many pixels), QuotaExceeded;
    then neither row nor file remains. The caller removes `path`. Source: 000 §3.3, 001 §2.5.
    """
    with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder:
        found = judged(path, Path(folder) / "small.jpg")
        if found.probe.kind != kind:
            raise MediaInvalid(reason=f"it is not {'an image' if kind == 'image' else 'a video'}")
        return asset_create_from_path(
            user_id=user_id,
            path=path,
            source=Asset.Source.UPLOAD,
            name=name,
            judged=found,
            quota_bytes=settings.STORAGE_QUOTA_BYTES,
        )
