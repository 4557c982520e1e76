"""The demo's showcase: videos that the built-in engine really makes, once."""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connections

from config.kernel import clock
from generation.engines.base import EngineRequest
from generation.engines.registry import adapter_of
from generation.models import Asset, Engine
from generation.services.asset import asset_create_from_path
from operations.models import ShowcaseVideo
from operations.services.showcase import showcase_add

logger = logging.getLogger(__name__)
PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """One video to make: its place in the row, its words, and what the engine is told."""

    slug: str
    title: str
    title_en: str
    prompt: str
    tags: tuple[str, ...]
    aspect_ratio: str = "landscape"

    @property
    def file(self) -> Path:
        """Where the finished video waits until it is on show: an interrupted first start goes on from here."""
        return Path(settings.DATA_DIR) / "showcase" / f"{self.slug}.mp4"


PIECES = (
    Piece(
        "lighthouse", "灯塔与海浪", "Lighthouse and waves", "a lighthouse at dusk, waves rolling in, a slow sweep of light", ("sea", "dusk")
    ),
    Piece("koi", "池中锦鲤", "Koi in a pond", "koi circling in a still pond, ripples, lotus leaves", ("water", "calm")),
    Piece("dunes", "沙丘上的风", "Wind over dunes", "wind over golden dunes under a low sun", ("desert", "sun")),
    Piece("rain", "雨夜街灯", "Rain at night", "rain on a city street at night, neon reflections", ("city", "rain"), "portrait"),
    Piece("mountains", "云中山水", "Mountains in mist", "misty mountains in layers, birds crossing, ink style", ("mountains", "ink")),
    Piece("stars", "星空缓行", "Stars over the observatory", "a starry sky turning above an observatory", ("night", "stars"), "portrait"),
)


def demo_showcase_create(*, owner_id: int) -> bool:
    """Every piece is on show, made by the built-in engine in two processes; False when all were there already."""
    shown = set(ShowcaseVideo.objects.values_list("title_en", flat=True))
    missing = [piece for piece in PIECES if piece.title_en not in shown]
    if not missing:
        return False
    _draw([piece for piece in missing if not piece.file.exists()])
    for piece in missing:
        _show(piece, owner_id)
    shutil.rmtree(Path(settings.DATA_DIR) / "showcase", ignore_errors=True)
    return True


def _draw(pieces: list[Piece]) -> None:
    """The files of `pieces` exist. The processes inherit everything but the database connection."""
    row = Engine.objects.get(name="builtin")
    connections.close_all()
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("fork")) as pool:
        list(pool.map(_draw_one, [row] * len(pieces), pieces))


def _draw_one(row: Engine, piece: Piece) -> None:
    work = piece.file.with_suffix("")
    work.mkdir(parents=True, exist_ok=True)
    request = EngineRequest(
        task_uuid=uuid.uuid5(uuid.NAMESPACE_URL, piece.slug),
        kind="text-to-video",
        alias="sora2",
        params={"prompt": piece.prompt, "aspect_ratio": piece.aspect_ratio, "quality": "standard"},
        inputs=(),
        attempt=1,
        callback_url=None,
    )
    status = adapter_of(row).run(request, workdir=work, progress=lambda _percent: None, cancelled=lambda: False)
    if status.state != "succeeded" or not status.outputs or status.outputs[0].path is None:
        raise RuntimeError(f"the built-in engine did not make {piece.slug}: {status.message}")
    status.outputs[0].path.replace(piece.file)
    shutil.rmtree(work)


def _show(piece: Piece, owner_id: int) -> None:
    asset = asset_create_from_path(user_id=owner_id, path=piece.file, source=Asset.Source.OUTPUT, name=piece.slug, is_public=True)
    showcase_add(
        video=asset,
        title=piece.title,
        title_en=piece.title_en,
        description=f"预览引擎根据提示词绘制：{piece.prompt}",
        description_en=f"Drawn by the preview engine from: {piece.prompt}",
        tags=piece.tags,
        display_order=len(PIECES) - PIECES.index(piece),
        at=clock.now(),
    )
