"""Files to upload, probe and animate, made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import av
import numpy as np
import pytest
from PIL import Image

from generation.engines.base import EngineInput, EngineRequest
from generation.engines.builtin.adapter import BuiltinEngine

MakeImage = Callable[..., Path]
MakeVideo = Callable[..., Path]


def picture(width: int, height: int, shift: int = 0) -> np.ndarray:
    """Colours that differ from place to place, with a bright square that moves with `shift`."""
    rows, columns = np.mgrid[0:height, 0:width]
    rgb = np.stack([columns * 255 // max(width - 1, 1), rows * 255 // max(height - 1, 1), np.full_like(rows, 90)], axis=2).astype(np.uint8)
    left = shift % max(width - width // 4, 1)
    rgb[height // 3 : height // 3 + height // 4, left : left + width // 4] = 250
    return rgb


@pytest.fixture
def make_image(tmp_path: Path) -> MakeImage:
    def make(name: str = "a.jpg", size: tuple[int, int] = (64, 48), **save: Any) -> Path:
        Image.fromarray(picture(*size)).save(tmp_path / name, **save)
        return tmp_path / name

    return make


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    def make(
        name: str = "a.mp4",
        size: tuple[int, int] = (64, 48),
        seconds: float = 1.0,
        *,
        codec: str = "libx264",
        container: str = "mp4",
        rate: int = 20,
        dark_until_s: float = 0.0,
        options: dict[str, str] | None = None,
    ) -> Path:
        with av.open(str(tmp_path / name), "w", format=container, options=options or {}) as file:
            stream: Any = file.add_stream(codec, rate=rate)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for number in range(round(seconds * rate)):
                shown = picture(*size, shift=number * 2)
                frame = av.VideoFrame.from_ndarray(shown * 0 if number / rate < dark_until_s else shown, format="rgb24")
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        return tmp_path / name

    return make


@pytest.fixture
def engine() -> BuiltinEngine:
    return BuiltinEngine(SimpleNamespace(name="builtin"))  # type: ignore[arg-type]


@pytest.fixture
def request_of() -> Callable[..., EngineRequest]:
    def make(kind: str, inputs: tuple[EngineInput, ...] = (), attempt: int = 1, **params: Any) -> EngineRequest:
        return EngineRequest(UUID(int=1), kind, "sora2", params, inputs, attempt, None)

    return make
