"""Engines of tests: real files, chosen behaviour."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import av
from PIL import Image

from generation.engines.base import EngineOutput, EngineRequest, EngineStatus, Rejected, Temporary, Unknown


def clip_of(seconds: float) -> Path:
    """A clip of so many seconds; processes of their own have one only."""
    return Path(os.environ["LIFE_CLIP"])


def film(path: Path, seconds: float, fps: int = 8) -> Path:
    """A real H.264 file."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for number in range(round(seconds * fps)):
            frame = av.VideoFrame.from_image(Image.new("RGB", (64, 48), (number * 7 % 256, 40, 90)))  # type: ignore[no-untyped-call]
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


class Stub:
    """Works inside the worker. The prompt says how: fail, later, later:N, broken, bug, hang, wait, slow:S, secs:S."""

    runs_here = True
    started: ClassVar[list[str]] = []

    def __init__(self, row: Any) -> None:
        self.name = row.name

    def run(
        self, request: EngineRequest, *, workdir: Path, progress: Callable[[float], None], cancelled: Callable[[], bool]
    ) -> EngineStatus:
        how = str(request.params.get("prompt") or request.params.get("image_url", "").partition("how=")[2])
        Stub.started.append(str(request.task_uuid))
        if how == "fail":
            raise Rejected("not this one")
        if how.startswith("later") and request.attempt <= int(how.partition(":")[2] or 99):
            raise Temporary("busy")
        if how == "bug":
            raise ZeroDivisionError
        if how == "hang" or how.startswith("slow:"):
            until = time.monotonic() + float(how.partition(":")[2] or 60)
            while time.monotonic() < until:
                progress(100 - (until - time.monotonic()))
                if cancelled():
                    return EngineStatus("cancelled", 0)
                time.sleep(0.02)
        if how == "broken":
            (workdir / "out.mp4").write_bytes(b"not a video")
            return EngineStatus("succeeded", 100, (EngineOutput(workdir / "out.mp4", None, "video/mp4"),))
        progress(50)
        seconds = float(how.partition(":")[2]) if how.startswith("secs:") else 1.0
        return EngineStatus("succeeded", 100, (EngineOutput(clip_of(seconds), None, "video/mp4"),))

    def submit(self, request: EngineRequest) -> str:
        raise NotImplementedError

    def poll(self, upstream_id: str) -> EngineStatus:
        raise NotImplementedError

    def cancel(self, upstream_id: str) -> bool:
        raise NotImplementedError


class Afar:
    """Works elsewhere. `says` is what it answers to a poll, `submits` how it takes work, `stops` whether it can stop."""

    runs_here = False
    says: ClassVar[EngineStatus | Exception] = EngineStatus("running", 10)
    submits: ClassVar[Exception | None] = None
    stops: ClassVar[bool | Exception] = False
    calls: ClassVar[list[tuple[str, str]]] = []
    owner_of: ClassVar[dict[str, str]] = {}
    delay_s: ClassVar[float] = 0

    @classmethod
    def reset(cls) -> None:
        cls.says, cls.submits, cls.stops, cls.calls, cls.owner_of, cls.delay_s = EngineStatus("running", 10), None, False, [], {}, 0

    def __init__(self, row: Any) -> None:
        self.name = row.name

    def run(self, request: EngineRequest, **_: Any) -> EngineStatus:
        raise NotImplementedError

    def submit(self, request: EngineRequest) -> str:
        Afar.calls.append(("submit", str(request.task_uuid)))
        if isinstance(Afar.submits, Exception):
            Afar.owner_of["lost-1"] = str(request.callback_url)
            raise Afar.submits
        upstream_id = f"up-{request.task_uuid}-{request.attempt}"
        Afar.owner_of[upstream_id] = str(request.callback_url)
        return upstream_id

    def poll(self, upstream_id: str) -> EngineStatus:
        Afar.calls.append(("poll", upstream_id))
        time.sleep(Afar.delay_s)
        if isinstance(Afar.says, Exception):
            raise Afar.says
        return Afar.says

    def cancel(self, upstream_id: str) -> bool:
        Afar.calls.append(("cancel", upstream_id))
        if isinstance(Afar.stops, Exception):
            raise Afar.stops
        return Afar.stops

    def belongs(self, upstream_id: str, callback_url: str) -> bool:
        Afar.calls.append(("belongs", upstream_id))
        return Afar.owner_of.get(upstream_id) == callback_url


def done(path: Path) -> EngineStatus:
    """An answer "succeeded" with a file."""
    return EngineStatus("succeeded", 100, (EngineOutput(path, None, "video/mp4"),))


__all__ = ["Afar", "Rejected", "Stub", "Temporary", "Unknown", "done", "film"]
