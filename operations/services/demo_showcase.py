"""The demo's showcase: videos that the built-in engine really makes, once."""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import uuid
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from django.conf import settings
from django.db import connections

from config.kernel import clock
from generation.engines.base import EngineRequest
from generation.engines.builtin.showcase import SHOWCASE, ShowcasePiece
from generation.engines.registry import adapter_of
from generation.models import Asset, Engine
from generation.services.asset import asset_create_from_path
from operations.models import ShowcaseVideo
from operations.services.showcase import showcase_add

logger = logging.getLogger(__name__)
PROCESSES = 2


def demo_showcase_create(*, owner_id: int) -> bool:
    """Every piece is on show, made by the built-in engine in two processes; False when all were there already."""
    shown = set(ShowcaseVideo.objects.values_list("title_en", flat=True))
    missing = [piece for piece in SHOWCASE if piece.title_en not in shown]
    if not missing:
        return False
    _draw([piece for piece in missing if not _file(piece).exists()])
    for piece in missing:
        _show(piece, owner_id)
    shutil.rmtree(Path(settings.DATA_DIR) / "showcase", ignore_errors=True)
    return True


def _file(piece: ShowcasePiece) -> Path:
    """Where the finished video waits until it is on show: an interrupted first start goes on from here."""
    return Path(settings.DATA_DIR) / "showcase" / f"{piece.slug}.mp4"


def _draw(pieces: list[ShowcasePiece]) -> None:
    """The files of `pieces` exist. The processes inherit everything but the database connection."""
    row = Engine.objects.get(name="builtin")
    connections.close_all()
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("fork")) as pool:
        list(pool.map(_draw_one, [row] * len(pieces), pieces))


def _draw_one(row: Engine, piece: ShowcasePiece) -> None:
    work = _file(piece).with_suffix("")
    work.mkdir(parents=True, exist_ok=True)
    task_uuid = uuid.uuid5(uuid.NAMESPACE_URL, piece.slug)
    request = EngineRequest(task_uuid, piece.kind, "sora2", piece.params, inputs=(), attempt=1, callback_url=None)
    status = adapter_of(row).run(request, workdir=work, progress=lambda _percent: None, cancelled=lambda: False)
    if status.state != "succeeded" or not status.outputs or status.outputs[0].path is None:
        raise RuntimeError(f"the built-in engine did not make {piece.slug}: {status.message}")
    status.outputs[0].path.replace(_file(piece))
    shutil.rmtree(work)


def _show(piece: ShowcasePiece, owner_id: int) -> None:
    asset = asset_create_from_path(user_id=owner_id, path=_file(piece), source=Asset.Source.OUTPUT, name=piece.slug, is_public=True)
    showcase_add(
        video=asset,
        title=piece.title_zh,
        title_en=piece.title_en,
        description=piece.description_zh,
        description_en=piece.description_en,
        prompt=piece.prompt,
        tags=piece.tags_zh,
        display_order=len(SHOWCASE) - SHOWCASE.index(piece),
        at=clock.now(),
    )
