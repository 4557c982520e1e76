"""Short silent clips of any size, rate and length: a scene from words, or a journey over a given picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from generation.engines.base import EngineOutput, EngineRequest
from generation.engines.builtin.canvas import Canvas
from generation.engines.builtin.caption import draw_caption
from generation.engines.builtin.encode import Writer
from generation.engines.builtin.images import finish_of, size_of
from generation.engines.builtin.job import Ear, chance_of, input_of
from generation.engines.builtin.scene import Hear, scene_of
from generation.engines.builtin.still import moving_of_images, opened

DURATION_S = 4
RATE = 8
MOTION = 127
"""The motion bucket at which things move as they do in the long videos."""
GRAIN = 48
"""What an augmentation level of 1 adds to a picture: noise of so many steps of brightness."""


class Timed(Protocol):
    """Something that can be drawn at any second."""

    def paint(self, canvas: Canvas, second: float) -> None: ...


Shooter = Callable[[EngineRequest, str, tuple[int, int], float, np.random.Generator, Hear], Timed]


def clip(request: EngineRequest, prompt: str, workdir: Path, ear: Ear, begins: float) -> tuple[EngineOutput, ...]:
    """One MP4 in `workdir` of exactly `duration` × `fps` frames. Raises Rejected, Cancelled."""
    told = request.params
    seconds, fps = int(told.get("duration") or DURATION_S), int(told.get("fps") or RATE)
    speed = speed_of(request)
    size = _frame_of(request)
    seed = int(told.get("seed") or 0)
    rng = chance_of(request.kind, prompt, seed, *size, seconds)
    ear.step(begins)
    picture = SHOOTERS[request.kind](request, prompt, size, seconds * speed, rng, lambda: ear.step(begins))
    finish = finish_of(request, seed, *size)
    canvas, path = Canvas(*size), workdir / "output.mp4"
    times = _times(seconds * fps, seconds, is_loop=bool(told.get("video_loop")))
    with Writer(path, *size, title=prompt, fps=fps) as writer:
        for number, second in enumerate(times):
            picture.paint(canvas, second * speed)
            finish.apply(canvas)
            draw_caption(canvas)
            writer.write(canvas)
            ear.step(begins + (99 - begins) * (number + 1) / len(times))
    return (EngineOutput(path, None, "video/mp4"),)


def speed_of(request: EngineRequest) -> float:
    """How fast things move: 1 at the usual motion bucket."""
    return int(request.params.get("motion_bucket_id") or MOTION) / MOTION


def _frame_of(request: EngineRequest) -> tuple[int, int]:
    image = opened(input_of(request, "image")) if request.kind == "img2video" else None
    return size_of(request, image)


def _times(count: int, seconds: float, *, is_loop: bool) -> list[float]:
    """The second that each frame shows; a loop goes out and comes back, gently, so that its last frame leads to its first."""
    shares = np.arange(count) / count
    if is_loop:
        shares = (1 - np.cos(2 * np.pi * shares)) / 2
    return [float(share) * seconds for share in shares]


def _text2video(request: EngineRequest, prompt: str, size: tuple[int, int], seconds: float, rng: np.random.Generator, hear: Hear) -> Timed:
    scene, _ = scene_of(prompt, width=size[0], height=size[1], seconds=seconds, rng=rng, avoided=_avoided(request), hear=hear)
    return scene


def _img2video(request: EngineRequest, prompt: str, size: tuple[int, int], seconds: float, rng: np.random.Generator, hear: Hear) -> Timed:
    image = _grained(opened(input_of(request, "image")), float(request.params.get("augmentation_level") or 0), rng)
    told = {"rng": rng, "avoided": _avoided(request), "reach": speed_of(request)}
    return moving_of_images([image], prompt, width=size[0], height=size[1], seconds=seconds, **told)


def _avoided(request: EngineRequest) -> str:
    return str(request.params.get("negative_prompt") or "")


def _grained(image: Image.Image, level: float, rng: np.random.Generator) -> Image.Image:
    if level <= 0:
        return image
    pixels = np.asarray(image, np.float32)
    noise = (rng.random(pixels.shape[:2], np.float32) - 0.5)[..., None] * np.float32(2 * GRAIN * level)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


SHOOTERS: dict[str, Shooter] = {"text2video": _text2video, "img2video": _img2video}
"""Kind → what is filmed."""
