"""Files get a row, a place and a small picture; those nobody used leave again."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import re
import secrets
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum, TextField
from django.db.models.functions import Cast

from accounts.models import User
from config.kernel import clock, sql
from generation import storage
from generation.exceptions_media import QuotaExceeded
from generation.media import Judged, Probe, probe, thumbnail
from generation.models import Asset, Task
from generation.states import TaskState

logger = logging.getLogger(__name__)
UNUSED_LIFE = dt.timedelta(days=1)
GOING = (TaskState.PENDING, TaskState.RUNNING)
NAME_MAX = 60
THUMBNAIL_TYPE = "image/jpeg"
PREFIXES = {Asset.Source.UPLOAD: "uploads", Asset.Source.OUTPUT: "outputs", Asset.Source.THUMBNAIL: "thumbnails"}


@dataclass(frozen=True, slots=True)
class _Found:
    """A file on this disk with everything its row will say."""

    path: Path
    content_type: str
    extension: str
    kind: str
    size_bytes: int
    sha256: bytes
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None


def asset_create_from_path(
    *,
    user_id: int,
    path: Path,
    source: Asset.Source | str,
    task_id: int | None = None,
    name: str = "",
    judged: Judged | None = None,
    quota_bytes: int | None = None,
    is_public: bool = False,
) -> Asset:
    """The file at `path` is stored with a row and a thumbnail. Call it outside transactions: it writes to storage.

    The rows come first, so that no stored file is ever without one; when storing fails, neither row nor file remains.
    An upload is in use once something is made of it, a task's output once that task has it (`asset_mark_used`); others are at once.
    A stranger's file comes with `judged` (found out in a process of its own). `quota_bytes` bounds the owner's uploads together,
    counted under a lock of that owner. Raises MediaInvalid, QuotaExceeded.
    """
    with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder:
        found, small = _media(path, Path(folder), judged)
        asset, thumb = _rows(user_id, Asset.Source(source), task_id, name, found, small, quota_bytes, is_public)
        try:
            storage.store(small.path, thumb.storage_key, thumb.content_type)
            storage.store(path, asset.storage_key, asset.content_type)
        except BaseException:
            asset_delete(asset=asset)
            raise
    if asset.source != Asset.Source.UPLOAD and task_id is None:
        asset_mark_used(asset_ids=[asset.pk])
    return asset


def _media(path: Path, folder: Path, judged: Judged | None) -> tuple[_Found, _Found]:
    if judged is None:
        own = probe(path)
        thumbnail(path, own, folder / "small.jpg")
        judged = Judged(own, folder / "small.jpg")
    return _found(path, judged.probe), _found(judged.thumbnail, probe(judged.thumbnail))


def _found(path: Path, told: Probe) -> _Found:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    size = path.stat().st_size
    return _Found(path, told.content_type, told.extension, told.kind, size, digest, told.width, told.height, told.duration_ms)


def _rows(
    user_id: int,
    source: Asset.Source,
    task_id: int | None,
    name: str,
    found: _Found,
    small: _Found,
    quota_bytes: int | None,
    is_public: bool,
) -> tuple[Asset, Asset]:
    """Both rows in one transaction; with a quota, its sum is taken under the owner's lock, so that no two uploads pass together."""
    owner = User.objects.values_list("uuid", flat=True).get(pk=user_id)
    at = clock.now()
    with transaction.atomic():
        if quota_bytes is not None:
            _quota_judge(user_id, found.size_bytes, quota_bytes)
        thumb = _row(user_id, owner, Asset.Source.THUMBNAIL, task_id, "", small, at, is_public)
        thumb.used_at = at
        thumb.save()
        asset = _row(user_id, owner, source, task_id, name, found, at, is_public)
        asset.thumbnail = thumb
        asset.save()
    return asset, thumb


def _row(
    user_id: int, owner: UUID, source: Asset.Source, task_id: int | None, name: str, found: _Found, at: dt.datetime, is_public: bool
) -> Asset:
    return Asset(
        user_id=user_id,
        task_id=task_id,
        source=source,
        kind=found.kind,
        storage_key=storage_key(source=source, kind=found.kind, owner=owner, name=name, extension=found.extension, at=at),
        content_type=found.content_type,
        size_bytes=found.size_bytes,
        sha256=found.sha256,
        width=found.width,
        height=found.height,
        duration_ms=found.duration_ms,
        is_public=is_public,
        created_at=at,
    )


def _quota_judge(user_id: int, size_bytes: int, quota_bytes: int) -> None:
    """Raises QuotaExceeded when the owner's uploads and this one are more than `quota_bytes`. Holds the owner's upload lock."""
    sql.fetch_one("select pg_advisory_xact_lock(hashtextextended('generation.uploads', %s::bigint))::text", [user_id])
    used = Asset.objects.filter(user_id=user_id, source=Asset.Source.UPLOAD).aggregate(total=Sum("size_bytes"))["total"] or 0
    if used + size_bytes > quota_bytes:
        raise QuotaExceeded(limit_mb=quota_bytes // 1024**2)


def storage_key(*, source: Asset.Source, kind: str, owner: UUID, name: str, extension: str, at: dt.datetime) -> str:
    """`uploads/image/<owner>/2025/01/15/<random>_name.jpg` (document 000 §3.3); the extension is that of the content."""
    plain = plain_name(name)
    file = f"{secrets.token_hex(8)}_{plain}.{extension}" if plain else f"{secrets.token_hex(8)}.{extension}"
    return f"{PREFIXES[source]}/{kind}/{owner}/{at:%Y/%m/%d}/{file}"


def plain_name(name: str) -> str:
    """What is left of a client's file name: its stem in plain ASCII letters, digits, `-` and `_`, at most 60; may be empty."""
    stem = re.split(r"[/\\]", name)[-1].rpartition(".")[0] or name
    text = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:NAME_MAX]


def asset_mark_used(*, asset_ids: list[int]) -> None:
    """These files are in use from now on and are never swept; the first use counts."""
    Asset.objects.filter(pk__in=asset_ids, used_at__isnull=True).update(used_at=clock.now())


def asset_delete(*, asset: Asset) -> None:
    """The asset and its thumbnail are gone, files first: a crash in between leaves a row that the sweep finds, never a stray file."""
    rows = [asset, *([asset.thumbnail] if asset.thumbnail else [])]
    for row in rows:
        storage.delete(row.storage_key)
    Asset.objects.filter(pk__in=[row.pk for row in rows]).delete()


def _is_awaited(asset: Asset) -> bool:
    """Whether a task of the owner that has not ended names the file."""
    going = Task.objects.filter(user_id=asset.user_id, status__in=GOING).annotate(asked=Cast("params", TextField()))
    return going.filter(Q(asked__contains=str(asset.uuid)) | Q(asked__contains=asset.storage_key)).exists()


def asset_sweep_orphans(*, limit: int = 500) -> int:
    """Files that nothing used for a day are gone (uploads, outputs whose making was cut off, half-written files). Returns how many.

    What a task that has not ended is made from stays, however long that waits.
    """
    storage.sweep_leftovers(older_than_s=UNUSED_LIFE.total_seconds())
    due = Asset.objects.filter(used_at__isnull=True, created_at__lt=clock.now() - UNUSED_LIFE).filter(~Q(source=Asset.Source.THUMBNAIL))
    count = 0
    for asset in due.select_related("thumbnail").order_by("created_at")[:limit]:
        if Asset.objects.filter(pk=asset.pk, used_at__isnull=True).exists() and not _is_awaited(asset):
            asset_delete(asset=asset)
            count += 1
    if count:
        logger.info("swept %d unused files", count)
    return count
