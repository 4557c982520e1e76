"""A picture that was given begins to move: a slow journey over it, with weather and light from the words of the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps

from generation.engines.builtin.canvas import Bytes, Canvas, planes_of
from generation.engines.builtin.caption import draw_caption
from generation.engines.builtin.elements import FPS, Drift, Element, dots, falling
from generation.engines.builtin.palette import colour, plan_of
from generation.engines.builtin.scene import weather_of
from generation.engines.builtin.shapes import glow
from generation.media.thumbnail import flatten

ROOM = 1.28
"""How much larger than the frame a picture is kept, so that the camera can move over it."""
FADE_S = 0.8


class Picture(Protocol):
    """Something that can be drawn at any frame."""

    def draw(self, canvas: Canvas, number: int) -> None: ...


class Planes:
    """An image in the encoder's form, from which any window can be taken at any size."""

    def __init__(self, planes: Sequence[Image.Image]) -> None:
        self.planes = planes
        self.width, self.height = planes[0].size

    @classmethod
    def of_image(cls, image: Image.Image) -> Planes:
        """From an RGB image with even sides."""
        found = planes_of(np.asarray(image, np.float32))
        return cls.of_planes(*(np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in found))

    @classmethod
    def of_planes(cls, *planes: Bytes) -> Planes:
        """From luma and the two halved chroma planes."""
        return cls([Image.fromarray(np.ascontiguousarray(plane)) for plane in planes])

    def window(self, canvas: Canvas, box: tuple[float, float, float, float]) -> None:
        """The canvas shows the part `box` (left, top, right, bottom, between pixels) of the image."""
        half = (box[0] / 2, box[1] / 2, box[2] / 2, box[3] / 2)
        for plane, source, part in zip((canvas.y, canvas.u, canvas.v), self.planes, (box, half, half), strict=True):
            size = (plane.shape[1], plane.shape[0])
            plane[...] = np.asarray(source.resize(size, Image.Resampling.BILINEAR, box=part))


def opened(path: Path, limit: int = 4096) -> Image.Image:
    """The image upright, in RGB, no larger than `limit` a side."""
    with Image.open(path) as image:
        image.draft("RGB", (limit, limit))
        upright = flatten(ImageOps.exif_transpose(image))
    upright.thumbnail((limit, limit), Image.Resampling.LANCZOS)
    return upright


def covering(image: Image.Image, width: int, height: int) -> Image.Image:
    """The image scaled and cropped around its middle to exactly (width, height), both made even."""
    return ImageOps.fit(image, (width // 2 * 2, height // 2 * 2), Image.Resampling.BICUBIC)


class Journey:
    """A camera that glides over a picture, in or out and a little aside, slowly at both ends; the farther, the larger its `reach`.

    In a loop it comes back the way it went, and is after `seconds` where it began.
    """

    def __init__(
        self,
        image: Image.Image,
        width: int,
        height: int,
        seconds: float,
        rng: np.random.Generator,
        reach: float = 1.0,
        *,
        is_loop: bool = False,
    ) -> None:
        self._planes = Planes.of_image(covering(image, round(width * ROOM), round(height * ROOM)))
        self._seconds, self._is_loop = seconds, is_loop
        near = 1 + (ROOM - 1.06) * reach
        self._zoom = (1.0, near) if rng.random() < 0.7 else (near, 1.0)
        angle = rng.uniform(0, 2 * np.pi)
        self._aim = (float(np.cos(angle)) * 0.34, float(np.sin(angle)) * 0.3)

    def at(self, canvas: Canvas, second: float) -> None:
        """The canvas shows where the camera is at that second."""
        eased = self._way(second / max(self._seconds, 0.001))
        zoom = self._zoom[0] + (self._zoom[1] - self._zoom[0]) * eased
        breath = 1.0 if self._is_loop else 1 + 0.004 * float(np.sin(second * 1.9))
        wide, high = self._planes.width / zoom * breath, self._planes.height / zoom * breath
        wide, high = min(wide, self._planes.width), min(high, self._planes.height)
        room_x, room_y = self._planes.width - wide, self._planes.height - high
        left = room_x * (0.5 + self._aim[0] * (eased - 0.5) * 2 * 0.9)
        top = room_y * (0.5 + self._aim[1] * (eased - 0.5) * 2 * 0.9)
        left, top = min(max(left, 0.0), room_x), min(max(top, 0.0), room_y)
        self._planes.window(canvas, (left, top, left + wide, top + high))

    def _way(self, share: float) -> float:
        """How much of its way the camera has gone."""
        if self._is_loop:
            return (1 - float(np.cos(2 * np.pi * share))) / 2
        share = min(share, 1.0)
        return share * share * (3 - 2 * share)


class Moving:
    """One picture after another, each faded into the next, with moving light in front."""

    def __init__(self, pictures: Sequence[Journey], seconds: float, elements: Sequence[Element]) -> None:
        self._pictures = pictures
        self._each = seconds / len(pictures)
        self._elements = elements
        self._next: Canvas | None = None

    def draw(self, canvas: Canvas, number: int) -> None:
        """The canvas shows frame `number`, caption included."""
        self.paint(canvas, number / FPS)
        draw_caption(canvas)

    def paint(self, canvas: Canvas, second: float) -> None:
        """The canvas shows that second, without a caption."""
        index = min(int(second / self._each), len(self._pictures) - 1)
        self._pictures[index].at(canvas, second - round(index * self._each * FPS) / FPS)
        left = (index + 1) * self._each - second
        if index + 1 < len(self._pictures) and left < FADE_S:
            self._fade(canvas, index + 1, 1 - left / FADE_S)
        for element in self._elements:
            element.draw(canvas, second)

    def _fade(self, canvas: Canvas, index: int, share: float) -> None:
        if self._next is None:
            self._next = Canvas(canvas.width, canvas.height)
        self._pictures[index].at(self._next, 0.0)
        weight = int(share * 256)
        mixed: Bytes = ((canvas.buffer * np.uint16(256 - weight) + self._next.buffer * np.uint16(weight)) >> 8).astype(np.uint8)
        canvas.buffer[...] = mixed


def moving_of(paths: Sequence[Path], prompt: str, *, width: int, height: int, seconds: float, rng: np.random.Generator) -> Moving:
    """The images in turn, each under a gliding camera, with what the prompt lets fall or shine."""
    return moving_of_images([opened(path) for path in paths], prompt, width=width, height=height, seconds=seconds, rng=rng)


def moving_of_images(
    images: Sequence[Image.Image],
    prompt: str,
    *,
    width: int,
    height: int,
    seconds: float,
    rng: np.random.Generator,
    avoided: str = "",
    reach: float = 1.0,
    is_loop: bool = False,
) -> Moving:
    """`moving_of` for images that are open, without the weather that `avoided` names; `reach` is how far the camera goes.

    In a loop each camera ends where it began.
    """
    each = seconds / len(images)
    journeys = [Journey(image, width, height, each, rng, reach, is_loop=is_loop) for image in images]
    return Moving(journeys, seconds, _air(prompt, avoided, rng, width, height))


def _air(prompt: str, avoided: str, rng: np.random.Generator, width: int, height: int) -> list[Element]:
    plan, u = plan_of(prompt, rng, avoided), min(width, height) / 720
    found = weather_of(plan, rng, width, height)
    if found:
        return found
    halo = glow(0.62 * max(width, height), colour(plan.light.glow), 0.22, 1.8)
    halo.fine = 0
    side = halo.alpha.shape[0] / 2
    leak = Drift(halo, -0.1 * width - side, -0.15 * height - side, by_x=0.05 * width, by_y=0.02 * height)
    motes = dots([1.4 * u, 2.2 * u, 3.4 * u], np.full(3, 250, np.float32), strength=0.4)
    box = (-20.0, -20.0, width + 40.0, height + 40.0)
    return [leak, falling(rng, motes, 42, box, speed=(-12 * u, 14 * u), side=(6 * u, 26 * u), sway=12 * u, glimmer=0.8)]
