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
from generation.engines.builtin.scene import scene_of
from generation.engines.builtin.stage import Hear
from generation.engines.builtin.still import moving_of_images, opened

DURATION_S = 4
RATE = 8
MOTION = 127
"""The motion bucket at which things move as they do in the long videos."""
LOOP_FADE = 0.25
"""The share of a loop in which its beginning is still its end."""
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
    size, seed = _frame_of(request), int(told.get("seed") or 0)
    ear.step(begins)
    picture = _picture(request, prompt, size, seconds, lambda: ear.step(begins))
    finish = finish_of(request, seed, *size)
    canvas, path = Canvas(*size), workdir / "output.mp4"
    with Writer(path, *size, title=prompt, fps=fps) as writer:
        for number in range(seconds * fps):
            picture.paint(canvas, number / fps)
            finish.apply(canvas)
            draw_caption(canvas)
            writer.write(canvas)
            ear.step(begins + (99 - begins) * (number + 1) / (seconds * fps))
    return (EngineOutput(path, None, "video/mp4"),)


def _picture(request: EngineRequest, prompt: str, size: tuple[int, int], seconds: int, hear: Hear) -> Timed:
    """What is filmed, at the pace that was asked for, turning in a circle if it is to."""
    rng = chance_of(request.kind, prompt, int(request.params.get("seed") or 0), *size, seconds)
    speed, is_loop = speed_of(request), is_loop_of(request)
    shown = seconds * speed * (1 + (LOOP_FADE if is_loop else 0))
    paced = Paced(SHOOTERS[request.kind](request, prompt, size, shown, rng, hear), speed)
    return Loop(paced, *size, seconds) if is_loop else paced


class Paced:
    """Something that moves `speed` times as fast."""

    def __init__(self, picture: Timed, speed: float) -> None:
        self._picture, self._speed = picture, speed

    def paint(self, canvas: Canvas, second: float) -> None:
        """The canvas shows that second."""
        self._picture.paint(canvas, second * self._speed)


class Loop:
    """Something that goes on for `seconds` and then again: it begins as what comes after its end, and fades into itself."""

    def __init__(self, picture: Timed, width: int, height: int, seconds: float) -> None:
        self._picture, self._seconds = picture, seconds
        self._fade_s = seconds * LOOP_FADE
        self._after = Canvas(width, height)

    def paint(self, canvas: Canvas, second: float) -> None:
        """The canvas shows that second."""
        self._picture.paint(canvas, second)
        share = 1 - second / self._fade_s
        if share > 0:
            self._picture.paint(self._after, second + self._seconds)
            weight = np.uint16(round(share * 256))
            mixed = (canvas.buffer * (np.uint16(256) - weight) + self._after.buffer * weight) >> 8
            canvas.buffer[...] = mixed.astype(np.uint8)


def is_loop_of(request: EngineRequest) -> bool:
    """Whether the clip is to end where it began."""
    return bool(request.params.get("video_loop"))


def speed_of(request: EngineRequest) -> float:
    """How fast things move: 1 at the usual motion bucket."""
    return int(request.params.get("motion_bucket_id") or MOTION) / MOTION


def _frame_of(request: EngineRequest) -> tuple[int, int]:
    image = opened(input_of(request, "image")) if request.kind == "img2video" else None
    return size_of(request, image)


def _text2video(request: EngineRequest, prompt: str, size: tuple[int, int], seconds: float, rng: np.random.Generator, hear: Hear) -> Timed:
    scene, _ = scene_of(prompt, width=size[0], height=size[1], seconds=seconds, rng=rng, avoided=_avoided(request), hear=hear)
    return scene


def _img2video(request: EngineRequest, prompt: str, size: tuple[int, int], seconds: float, rng: np.random.Generator, hear: Hear) -> Timed:
    image = _grained(opened(input_of(request, "image")), float(request.params.get("augmentation_level") or 0), rng)
    is_loop = is_loop_of(request)
    turn_s = seconds / (1 + LOOP_FADE) if is_loop else seconds
    return moving_of_images(
        [image],
        prompt,
        width=size[0],
        height=size[1],
        seconds=turn_s,
        rng=rng,
        avoided=_avoided(request),
        reach=speed_of(request),
        is_loop=is_loop,
    )


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
