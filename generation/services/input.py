"""What a task is made from: the caller's own file out of storage, or a foreign address fetched and judged."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from config.kernel import outbound
from config.kernel.errors import NotFound
from generation import storage
from generation.engines.base import EngineInput
from generation.exceptions_media import FileTooLarge, MediaInvalid
from generation.media import Probe, judged
from generation.models import Asset
from generation.services.asset import asset_mark_used
from generation.services.link import own_asset_of

LIMITS_BYTES = {"image": 10 * 1024**2, "video": 100 * 1024**2}
FETCH_TIMEOUT_S = {"image": 30.0, "video": 120.0}


def input_fetch(*, user_id: int, url: str, kind: str, workdir: Path, name: str = "") -> EngineInput:
    """The file that `url` stands for lies in `workdir` as the engine's input `name` (its kind, "image" or "video", if empty).

    An address of our own is the caller's asset and is marked as used; any other is fetched by the guarded client
    (images ≤ 10 MB, videos ≤ 100 MB) and judged by its content. Call it outside transactions.
    Raises AddressRefused, MediaInvalid and FileTooLarge, all with a text the user may see.
    """
    name = name or kind
    path = workdir / name
    try:
        asset = own_asset_of(url, user_id)
    except NotFound as error:
        raise MediaInvalid(reason="this address names no file of yours") from error
    found = _own(asset, kind, path) if asset else _foreign(url, kind, path)
    return EngineInput(name, path, found.content_type, found.duration_ms, urlsplit(url).query, found.width, found.height)


def _own(asset: Asset, kind: str, path: Path) -> Asset:
    _judge_kind(asset.kind, kind)
    if asset.size_bytes > LIMITS_BYTES[kind]:
        raise FileTooLarge(limit_mb=LIMITS_BYTES[kind] // 1024**2)
    try:
        with storage.reading(asset.storage_key) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file, storage.CHUNK_BYTES)
    except FileNotFoundError as error:
        raise MediaInvalid(reason="this file is no longer stored") from error
    asset_mark_used(asset_ids=[asset.pk])
    return asset


def _foreign(url: str, kind: str, path: Path) -> Probe:
    try:
        outbound.get_to_file(url, path, limit_bytes=LIMITS_BYTES[kind], timeout_s=FETCH_TIMEOUT_S[kind])
    except outbound.AnswerTooLarge as error:
        raise FileTooLarge(limit_mb=LIMITS_BYTES[kind] // 1024**2) from error
    except outbound.AddressUnreachable as error:
        raise MediaInvalid(reason=f"it could not be fetched: {error.params['reason']}") from error
    found: Probe = judged(path, path.with_suffix(".small.jpg")).probe
    _judge_kind(found.kind, kind)
    return found


def _judge_kind(found: str, wanted: str) -> None:
    if found != wanted:
        raise MediaInvalid(reason=f"it is not {'an image' if wanted == 'image' else 'a video'}")
