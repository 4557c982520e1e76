"""The movement of one video, carried over to a still (animate-move), or the still carried into the video (animate-mix)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from generation.engines.builtin.canvas import Canvas, Floats, Sprite
from generation.engines.builtin.caption import draw_caption
from generation.engines.builtin.elements import FPS
from generation.engines.builtin.still import Planes, covering, opened

SMALL_PX = 96
"""The width at which movement is looked for."""
STILL_SPREAD = 1.22


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the movement of a moment is: its middle (−1 to 1 across and down), how much there is (0–1), and how it leans."""

    x: float
    y: float
    energy: float
    lean: float


def frames_of(path: Path, count: int) -> Iterator[Any]:
    """`count` frames of the video at 24 a second as they were decoded; the last one is repeated if it is short."""
    with av.open(str(path)) as file:
        file.streams.video[0].thread_type = "AUTO"
        source = file.decode(video=0)
        current = next(source)
        begins, following = current.time or 0.0, next(source, None)
        for number in range(count):
            while following is not None and (following.time or 0.0) - begins <= number / FPS + 1e-6:
                current, following = following, next(source, None)
            yield current


def planes_of_frame(frame: Any) -> Planes:
    """The decoded frame upright, in the colours of the encoder."""
    even = frame.reformat(
        width=max(frame.width // 2 * 2, 2),
        height=max(frame.height // 2 * 2, 2),
        format="yuv420p",
        dst_colorspace="ITU709",
        dst_color_range="MPEG",
    )
    canvas = Canvas(even.width, even.height)
    canvas.buffer[...] = even.to_ndarray()
    turns = frame.rotation // 90 % 4
    return Planes.of_planes(*(np.rot90(plane, turns) for plane in (canvas.y, canvas.u, canvas.v)))


class Reel:
    """The frames of a video, each drawn over a whole canvas, in order."""

    def __init__(self, path: Path, count: int) -> None:
        self._frames = frames_of(path, count)
        self._last: Any = None
        self._planes: Planes | None = None

    def draw(self, canvas: Canvas) -> None:
        """The canvas is covered by the next frame, its middle kept."""
        frame = next(self._frames)
        if self._planes is None or frame is not self._last:
            self._last, self._planes = frame, planes_of_frame(frame)
        planes = self._planes
        scale = min(planes.width / canvas.width, planes.height / canvas.height)
        wide, high = canvas.width * scale, canvas.height * scale
        left, top = (planes.width - wide) / 2, (planes.height - high) / 2
        planes.window(canvas, (left, top, left + wide, top + high))


def poses_of(path: Path, count: int) -> list[Pose]:
    """What moves in the video, frame by frame, smoothed."""
    raw = np.zeros((count, 4))
    before: Floats | None = None
    for number, frame in enumerate(frames_of(path, count)):
        small = frame.reformat(width=SMALL_PX, height=SMALL_PX, format="gray").to_ndarray()
        now = np.rot90(small, frame.rotation // 90 % 4).astype(np.float32)
        if before is not None:
            raw[number] = _measure(np.abs(now - before), raw[number - 1])
        before = now
    return [Pose(*map(float, row)) for row in _smooth(raw)]


def _measure(change: Floats, last: np.ndarray) -> np.ndarray:
    """Middle, amount and lean of what changed between two frames; the last place where nothing did."""
    change = np.clip(change - 6, 0, None)
    total = float(change.sum())
    if total < 40:
        return np.array([last[0], last[1], last[2] * 0.8, last[3]])
    rows, columns = np.mgrid[-1 : 1 : SMALL_PX * 1j, -1 : 1 : SMALL_PX * 1j]
    x, y = float((columns * change).sum()) / total, float((rows * change).sum()) / total
    lean = float(((columns - x) * (rows - y) * change).sum()) / total
    return np.array([x, y, min(total / change.size / 14, 1.0), lean])


def _smooth(raw: np.ndarray) -> np.ndarray:
    reach = min(FPS // 2, max(raw.shape[0] // 2, 1))
    window = np.hanning(2 * reach + 1) + 1e-3
    padded = np.pad(raw, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, column], window / window.sum(), mode="valid") for column in range(4)], axis=1)


class Moved:
    """The still fills the frame and sways, leans and comes nearer as the video does; the video runs small in a corner."""

    def __init__(self, image: Path, video: Path, width: int, height: int, count: int) -> None:
        self._planes = Planes.of_image(covering(opened(image), round(width * STILL_SPREAD), round(height * STILL_SPREAD)))
        self._poses = poses_of(video, count)
        self._reel = Reel(video, count)
        self._inset = Canvas(width * 22 // 100 // 2 * 2, height * 22 // 100 // 2 * 2)

    def draw(self, canvas: Canvas, number: int) -> None:
        """Frames are asked for in order, each once."""
        pose = self._poses[min(number, len(self._poses) - 1)]
        second = number / FPS
        zoom = 1.06 + 0.1 * pose.energy + 0.012 * float(np.sin(second * 2.4))
        wide, high = self._planes.width / STILL_SPREAD / zoom * 1.1, self._planes.height / STILL_SPREAD / zoom * 1.1
        room_x, room_y = self._planes.width - wide, self._planes.height - high
        left = room_x * min(max(0.5 - pose.x * 0.62 + pose.lean * 0.3, 0), 1)
        top = room_y * min(max(0.5 - pose.y * 0.55 + 0.04 * float(np.sin(second * 3.1)), 0), 1)
        self._planes.window(canvas, (left, top, left + wide, top + high))
        self._draw_inset(canvas)
        draw_caption(canvas)

    def _draw_inset(self, canvas: Canvas) -> None:
        """The video in the lower right corner, in a thin paper frame."""
        self._reel.draw(self._inset)
        edge = max(min(canvas.width, canvas.height) // 240, 2) // 2 * 2
        margin = min(canvas.width, canvas.height) // 36 // 2 * 2
        left = canvas.width - margin - edge - self._inset.width
        top = canvas.height - margin - edge - self._inset.height
        for plane, small, size, paper in (
            (canvas.y, self._inset.y, 1, 226),
            (canvas.u, self._inset.u, 2, 127),
            (canvas.v, self._inset.v, 2, 129),
        ):
            x, y, rim = left // size, top // size, edge // size
            plane[y - rim : y + small.shape[0] + rim, x - rim : x + small.shape[1] + rim] = paper
            plane[y : y + small.shape[0], x : x + small.shape[1]] = small


class Mixed:
    """The video fills the frame; the still stands in it as a cut-out that follows what moves."""

    def __init__(self, image: Path, video: Path, width: int, height: int, count: int) -> None:
        self._poses = poses_of(video, count)
        self._reel = Reel(video, count)
        self._still = _cut_out(opened(image), int(min(width, height) * 0.52))
        self._turned: dict[int, Sprite] = {}

    def draw(self, canvas: Canvas, number: int) -> None:
        """Frames are asked for in order, each once."""
        pose = self._poses[min(number, len(self._poses) - 1)]
        second = number / FPS
        self._reel.draw(canvas)
        sprite = self._leaning(round((pose.lean * 26 + 2.5 * float(np.sin(second * 2.1))) * 2))
        high, wide = sprite.alpha.shape
        x = canvas.width * (0.5 + pose.x * 0.36) - wide / 2
        y = canvas.height * (0.54 + pose.y * 0.22) - high / 2 + canvas.height * 0.012 * float(np.sin(second * 3.4))
        sprite.draw(canvas, x, y)
        draw_caption(canvas)

    def _leaning(self, half_degrees: int) -> Sprite:
        half_degrees = max(-30, min(30, half_degrees))
        if half_degrees not in self._turned:
            turned = self._still.rotate(half_degrees / 2, Image.Resampling.BICUBIC, expand=True)
            pixels = np.asarray(turned, np.float32)
            self._turned[half_degrees] = Sprite(pixels[..., :3], (pixels[..., 3] / 255).astype(np.float32))
        return self._turned[half_degrees]


def _cut_out(image: Image.Image, side: int) -> Image.Image:
    """The still as a card with soft corners and a paper edge, its longer side `side` pixels."""
    image = ImageOps.contain(image, (side, side), Image.Resampling.LANCZOS)
    edge, radius = max(side // 60, 2), side // 14
    width, height = max(image.width, 8) + 2 * edge, max(image.height, 8) + 2 * edge
    mask = Image.new("L", (width * 2, height * 2), 0)
    ImageDraw.Draw(mask).rounded_rectangle([(0, 0), (width * 2 - 1, height * 2 - 1)], radius * 2, fill=255)
    card = Image.new("RGBA", (width, height), (244, 244, 241, 255))
    card.paste(image, (edge, edge))
    card.putalpha(mask.resize((width, height), Image.Resampling.LANCZOS))
    return card
