"""A frame in the encoder's own form (planar YUV 4:2:0, BT.709), and pictures that are blended onto it between its pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float32]
FINE = 4
"""Steps between two pixels: slow motion looks smooth, and each step is worked out once."""
GAP_PX = 24


class Canvas:
    """One frame. `y`, `u`, `v` are views of `buffer`, which is what the encoder takes. Width and height are even."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.buffer: Bytes = np.empty((height * 3 // 2, width), np.uint8)
        self.y: Bytes = self.buffer[:height]
        quarter = (height // 2) * (width // 2)
        chroma = self.buffer[height:].reshape(-1)
        self.u: Bytes = chroma[:quarter].reshape(height // 2, width // 2)
        self.v: Bytes = chroma[quarter:].reshape(height // 2, width // 2)

    def copy_from(self, other: Canvas) -> None:
        """This frame is what the other one is."""
        np.copyto(self.buffer, other.buffer)


def planes_of(rgb: Floats) -> tuple[Floats, Floats, Floats]:
    """Luma at full and chroma at half size of an RGB picture (0–255, even sides), in limited range."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    y = 16 + luma * (219 / 255)
    u = 128 + halved(blue - luma) * (224 / 255 / 1.8556)
    v = 128 + halved(red - luma) * (224 / 255 / 1.5748)
    return y, u, v


def halved(plane: Floats) -> Floats:
    """The mean of each two by two pixels."""
    half: Floats = (plane[0::2, 0::2] + plane[1::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 1::2]) * 0.25
    return half


def fill(canvas: Canvas, rgb: Floats, rng: np.random.Generator) -> None:
    """The canvas shows `rgb`; a trace of grain keeps wide gradients from showing steps."""
    y, u, v = planes_of(rgb)
    grain = rng.random(y.shape, np.float32) - 0.5
    canvas.y[:] = np.clip(y + 0.5 + grain, 16, 235)
    canvas.u[:] = np.clip(u + 0.5 + grain[::2, ::2] * 0.8, 16, 240)
    canvas.v[:] = np.clip(v + 0.5 + grain[1::2, 1::2] * 0.8, 16, 240)


@dataclass(frozen=True, slots=True)
class Cut:
    """A picture ready to be blended at even positions: colour times alpha (× 256) and what remains of the ground (0–256).

    From row `solid_from` (even) on it covers everything; those rows lie in `solid` and are simply copied.
    """

    planes: tuple[Words, Words, Words]
    rest: Words
    rest_half: Words
    solid: tuple[Bytes, Bytes, Bytes]
    solid_from: int
    height: int


@dataclass(slots=True)
class Sprite:
    """A picture with alpha that can stand between pixels. `rgb` 0–255, `alpha` 0–1; `is_wide` reaches beyond the frame at its sides."""

    rgb: Floats
    alpha: Floats
    is_wide: bool = False
    fine: int = FINE
    """Steps a pixel; large soft pictures do with 1 (whole pixels) or 0 (every other pixel)."""
    cuts: dict[tuple[int, int, int], list[tuple[int, Cut]]] = field(default_factory=dict)

    def draw(self, canvas: Canvas, x: float, y: float, opacity: float = 1.0) -> None:
        """Blended with its upper left corner at (x, y), in pixels; outside the frame nothing happens."""
        level = round(opacity * 8)
        if level <= 0:
            return
        base_x, base_y = floor(x / 2) * 2, floor(y / 2) * 2
        fine = self.fine
        key = (int((x - base_x) * fine), int((y - base_y) * fine), level)
        if key not in self.cuts:
            self.cuts[key] = self._cut(key[0] / max(fine, 1), key[1] / max(fine, 1), level / 8)
        for offset, cut in self.cuts[key]:
            _blend(canvas, cut, base_x + offset, base_y)

    def _cut(self, shift_x: float, shift_y: float, opacity: float) -> list[tuple[int, Cut]]:
        """The picture moved by less than two pixels, in upright pieces that leave out what shows nothing."""
        height, width = self.alpha.shape
        if not height or not width:
            return []
        room = ((0, 2 + height % 2), (0, 2 + width % 2))
        padded = np.pad(self.alpha, room, mode="edge") if self.is_wide else np.pad(self.alpha, room)
        alpha = _shifted(padded, shift_x, shift_y) * np.float32(opacity)
        y, u, v = planes_of(_shifted(np.pad(self.rgb, (*room, (0, 0)), mode="edge"), shift_x, shift_y))
        half = halved(alpha)
        pieces = []
        for left, right in _runs(alpha):
            whole, low = np.s_[:, left:right], np.s_[:, left // 2 : right // 2]
            pieces.append((left, _ready((y[whole], u[low], v[low]), alpha[whole], half[low])))
        return pieces


def _runs(alpha: Floats) -> list[tuple[int, int]]:
    """The ranges of columns (even ends) that show something; small gaps are not worth a cut."""
    shown = np.flatnonzero((alpha.max(axis=0) > 0.002).reshape(-1, 2).any(axis=1))
    if not shown.size:
        return []
    breaks = np.flatnonzero(np.diff(shown) > GAP_PX // 2)
    firsts, lasts = shown[np.r_[0, breaks + 1]], shown[np.r_[breaks, shown.size - 1]]
    return [(int(first) * 2, int(last) * 2 + 2) for first, last in zip(firsts, lasts, strict=True)]


def _ready(colours: tuple[Floats, Floats, Floats], alpha: Floats, half: Floats) -> Cut:
    open_rows = np.flatnonzero(alpha.min(axis=1) < 0.998)
    split = int(open_rows[-1] + 2) // 2 * 2 if open_rows.size else 0
    y, u, v = colours
    top, low = slice(0, split), slice(0, split // 2)
    planes = (_words(y[top] * alpha[top] * 256), _words(u[low] * half[low] * 256), _words(v[low] * half[low] * 256))
    solid = (_bytes(y[split:]), _bytes(u[split // 2 :]), _bytes(v[split // 2 :]))
    return Cut(planes, _words((1 - alpha[top]) * 256), _words((1 - half[low]) * 256), solid, split, alpha.shape[0])


def _words(values: Floats) -> Words:
    words: Words = np.clip(np.rint(values), 0, 65280).astype(np.uint16)
    return words


def _bytes(values: Floats) -> Bytes:
    octets: Bytes = np.clip(np.rint(values), 16, 240).astype(np.uint8)
    return octets


def _shifted(values: Floats, shift_x: float, shift_y: float) -> Floats:
    """The picture moved right and down by less than two pixels."""
    for axis, shift in ((1, shift_x), (0, shift_y)):
        whole, part = int(shift), shift - int(shift)
        if whole:
            values = np.roll(values, whole, axis=axis)
        if part:
            values = values * np.float32(1 - part) + np.roll(values, 1, axis=axis) * np.float32(part)
    return values


def _blend(canvas: Canvas, cut: Cut, x: int, y: int) -> None:
    _mix(canvas.y, cut.planes[0], cut.rest, x, y)
    _mix(canvas.u, cut.planes[1], cut.rest_half, x // 2, y // 2)
    _mix(canvas.v, cut.planes[2], cut.rest_half, x // 2, y // 2)
    if cut.solid_from < cut.height:
        _copy(canvas.y, cut.solid[0], x, y + cut.solid_from)
        _copy(canvas.u, cut.solid[1], x // 2, (y + cut.solid_from) // 2)
        _copy(canvas.v, cut.solid[2], x // 2, (y + cut.solid_from) // 2)


def _parts(plane: Bytes, shape: tuple[int, ...], x: int, y: int) -> tuple[Bytes, tuple[slice, slice]] | None:
    """The piece of the plane that a picture at (x, y) meets, and the piece of the picture; None when they do not meet."""
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + shape[1], plane.shape[1]), min(y + shape[0], plane.shape[0])
    if left >= right or top >= bottom:
        return None
    return plane[top:bottom, left:right], (slice(top - y, bottom - y), slice(left - x, right - x))


def _mix(plane: Bytes, colour: Words, rest: Words, x: int, y: int) -> None:
    met = _parts(plane, rest.shape, x, y)
    if met is None:
        return
    ground, part = met
    mixed = ground * rest[part]
    mixed += colour[part]
    mixed >>= 8
    ground[...] = mixed


def _copy(plane: Bytes, picture: Bytes, x: int, y: int) -> None:
    met = _parts(plane, picture.shape, x, y)
    if met is not None:
        met[0][...] = picture[met[1]]
