"""The moving parts of a picture: each draws itself onto the canvas for one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from generation.engines.builtin.canvas import Bytes, Canvas, Floats, Sprite, planes_of
from generation.engines.builtin.palette import blended
from generation.engines.builtin.shapes import disc, flat, glow

FPS = 24
SMALL_FINE = 2
"""Steps a pixel of small things of which there are many: enough, and fewer pictures to work out."""
WHITE = np.full(3, 255, np.float32)


class Element(Protocol):
    """Something that is drawn anew for every frame; `second` runs from 0 to the end of the clip."""

    def draw(self, canvas: Canvas, second: float) -> None: ...


@dataclass(slots=True)
class Backdrop:
    """What never moves, copied as it is."""

    picture: Canvas

    def draw(self, canvas: Canvas, second: float) -> None:
        canvas.copy_from(self.picture)


@dataclass(slots=True)
class Drift:
    """A picture that moves evenly: from (x, y), `by_x` and `by_y` pixels a second, swaying `sway` pixels around its way."""

    sprite: Sprite
    x: float
    y: float
    by_x: float = 0.0
    by_y: float = 0.0
    sway_x: float = 0.0
    sway_y: float = 0.0
    phase: float = 0.0
    rate: float = 0.5

    def draw(self, canvas: Canvas, second: float) -> None:
        turn = 2 * np.pi * self.rate * second + self.phase
        self.sprite.draw(
            canvas,
            self.x + self.by_x * second + self.sway_x * float(np.sin(turn * 0.8)),
            self.y + self.by_y * second + self.sway_y * float(np.sin(turn)),
        )


@dataclass(slots=True)
class Flap:
    """A figure in several poses, shown in turn `rate` times a second while it moves."""

    poses: Sequence[Sprite]
    x: float
    y: float
    by_x: float
    by_y: float
    rate: float
    phase: float
    sway_y: float = 0.0

    def draw(self, canvas: Canvas, second: float) -> None:
        turn = second * self.rate + self.phase
        swing = (1 - np.cos(2 * np.pi * turn)) / 2
        pose = self.poses[min(int(swing * len(self.poses)), len(self.poses) - 1)]
        pose.draw(canvas, self.x + self.by_x * second, self.y + self.by_y * second + self.sway_y * float(np.sin(2 * np.pi * turn)))


@dataclass(slots=True)
class Stars:
    """Single bright points that twinkle."""

    rows: np.ndarray
    columns: np.ndarray
    peak: np.ndarray
    phase: np.ndarray

    @classmethod
    def scattered(cls, rng: np.random.Generator, width: int, height: int, count: int) -> Stars:
        rows = (rng.power(0.8, count) * (height - 3)).astype(int)
        return cls(rows, rng.integers(1, width - 2, count), rng.uniform(40, 190, count), rng.uniform(0, 6.28, count))

    def draw(self, canvas: Canvas, second: float) -> None:
        shine = self.peak * (0.62 + 0.38 * np.sin(self.phase + second * (1.5 + self.phase % 2.0)))
        for down, right, share in ((0, 0, 1.0), (0, 1, 0.55), (1, 0, 0.55), (1, 1, 0.3)):
            at = (self.rows + down, self.columns + right)
            canvas.y[at] = np.minimum(canvas.y[at] + shine * share, 235).astype(np.uint8)


@dataclass(slots=True)
class Falling:
    """Flakes, motes, bubbles or lanterns: many small pictures that fall (or rise), sway, and come in again at the other side."""

    sprites: Sequence[Sprite]
    kinds: np.ndarray
    x: np.ndarray
    y: np.ndarray
    speed: np.ndarray
    side: np.ndarray
    phase: np.ndarray
    sway: float
    box: tuple[float, float, float, float]
    glimmer: float = 0.0

    def draw(self, canvas: Canvas, second: float) -> None:
        left, top, width, height = self.box
        ys = top + np.mod(self.y + self.speed * second, height)
        xs = left + np.mod(self.x + self.side * second + self.sway * np.sin(self.phase + second * 1.3), width)
        shine = 1 - self.glimmer * (0.5 + 0.5 * np.sin(self.phase * 3 + second * 2.2))
        for kind, x, y, opacity in zip(self.kinds, xs, ys, shine, strict=True):
            self.sprites[kind].draw(canvas, float(x), float(y), float(opacity))


def falling(
    rng: np.random.Generator,
    sprites: Sequence[Sprite],
    count: int,
    box: tuple[float, float, float, float],
    *,
    speed: tuple[float, float],
    side: tuple[float, float] = (0, 0),
    sway: float = 0.0,
    glimmer: float = 0.0,
) -> Falling:
    """`count` pictures scattered over `box` (left, top, width, height); larger ones are nearer and faster. Speeds in pixels a second."""
    kinds = np.sort(np.minimum((rng.power(0.7, count) * len(sprites)).astype(int), len(sprites) - 1))
    near = 0.4 + 0.6 * (kinds + 1) / len(sprites)
    return Falling(
        sprites,
        kinds,
        rng.uniform(0, box[2], count),
        rng.uniform(0, box[3], count),
        rng.uniform(*speed, count) * near,
        rng.uniform(*side, count) * near,
        rng.uniform(0, 6.28, count),
        sway,
        box,
        glimmer,
    )


def dots(radii: Sequence[float], tint: Floats, *, soft: float = 1.2, strength: float = 1.0) -> list[Sprite]:
    """Soft round pictures, one a radius."""
    found = [disc(radius, tint, soft=max(soft, radius * 0.8)) for radius in radii]
    for sprite in found:
        sprite.alpha *= np.float32(strength)
        sprite.fine = SMALL_FINE
    return found


def lights(radii: Sequence[float], tint: Floats, strength: float = 0.9) -> list[Sprite]:
    """Points with a halo, one a radius of the halo."""
    found = []
    for radius in radii:
        halo = glow(radius, tint, strength, 2.4)
        side = halo.alpha.shape[0]
        core = disc(max(radius * 0.13, 0.9), WHITE, 1.2).alpha
        at = side // 2 - core.shape[0] // 2
        spot = halo.alpha[at : at + core.shape[0], at : at + core.shape[1]]
        np.maximum(spot, core[: spot.shape[0], : spot.shape[1]], out=spot)
        halo.fine = SMALL_FINE
        found.append(halo)
    return found


@dataclass(slots=True)
class Rain:
    """Slanted streaks on a sheet that repeats itself, scrolled along its slant."""

    sheets: Sequence[tuple[np.ndarray, float]]
    width: int
    height: int
    slant: float

    @classmethod
    def sheet(cls, rng: np.random.Generator, width: int, height: int, unit: float) -> Rain:
        slant = float(rng.uniform(0.1, 0.22))
        layers = ((330, 22, 24, 950), (170, 38, 40, 1450))
        return cls([(_streaks(rng, width, height, unit, slant, *layer[:3]), layer[3] * unit) for layer in layers], width, height, slant)

    def draw(self, canvas: Canvas, second: float) -> None:
        for sheet, speed in self.sheets:
            down = speed * second
            y = int(-down % self.height)
            x = int(down * self.slant % self.width)
            part = sheet[y : y + self.height, x : x + self.width]
            np.minimum(canvas.y, 255 - part, out=canvas.y)
            canvas.y += part
        np.minimum(canvas.y, 235, out=canvas.y)


def _streaks(
    rng: np.random.Generator, width: int, height: int, unit: float, slant: float, count: int, length: int, shine: int
) -> np.ndarray:
    tile = np.zeros((height, width), np.float32)
    for _ in range(int(count * width * height / (1280 * 720 * unit * unit))):
        x, y, size = rng.uniform(0, width), int(rng.integers(height)), int(length * unit * rng.uniform(0.6, 1.3))
        steps = np.arange(size)
        rows = (y + steps) % height
        at = x - steps * slant
        columns = np.floor(at).astype(int)
        part = (at - columns) * shine
        strength = np.sin(np.pi * (steps + 1) / (size + 1)) * rng.uniform(0.5, 1)
        tile[rows, columns % width] += (shine - part) * strength
        tile[rows, (columns + 1) % width] += part * strength
    sheet: Bytes = np.tile(np.minimum(tile, 20 + shine * 0.4).astype(np.uint8), (2, 2))
    return sheet


@dataclass(slots=True)
class Water:
    """A surface below `horizon` that mirrors what stands above it, broken by ripples, darker towards the viewer.

    It reads the canvas, so it is drawn after what it mirrors and before what floats on it.
    """

    horizon: int
    depth: int
    tint: tuple[Bytes, ...]
    rest: tuple[Bytes, ...]
    strength: float
    far: np.ndarray
    wobble: np.ndarray

    @classmethod
    def below(
        cls, canvas: Canvas, horizon: int, near: Floats, far: Floats, unit: float, *, mirror: float = 0.8, strength: float = 1.0
    ) -> Water:
        horizon = horizon // 2 * 2
        depth = canvas.height - horizon
        share = np.linspace(0, 1, depth, dtype=np.float32)
        cover = ((1 - mirror) + (0.92 - (1 - mirror)) * share**0.8)[:, None]
        rgb = (far * (1 - share[:, None]) + near * share[:, None])[:, None, :].repeat(2, axis=1)
        y, u, v = planes_of(rgb.astype(np.float32))
        half = cover[0::2]
        tint = ((y[:, :1] * cover * 256).astype(np.uint16), (u * half * 256).astype(np.uint16), (v * half * 256).astype(np.uint16))
        rest = (((1 - cover) * 256).astype(np.uint16), ((1 - half) * 256).astype(np.uint16), ((1 - half) * 256).astype(np.uint16))
        rows = np.arange(0, depth, 2, dtype=np.float32) / unit
        return cls(horizon, depth, tint, rest, strength, rows, (0.6 + rows * 0.034) * unit * strength)  # type: ignore[arg-type]

    def draw(self, canvas: Canvas, second: float) -> None:
        waves = np.log1p(self.far / 7) * 15
        lift = np.sin(waves - second * 3.1) + 0.5 * np.sin(waves * 2.3 - second * 4.7 + 1)
        aside = np.rint((np.sin(waves * 1.7 - second * 2.3) + 0.6 * np.sin(waves * 3.9 - second * 3.7)) * self.wobble).astype(int)
        mirrored = self.horizon // 2 - 1 - np.rint(self.far * 0.42 + lift * self.wobble * 0.5)
        source = np.clip(mirrored, 0, self.horizon // 2 - 1).astype(int)
        for plane, tint, rest in zip((canvas.u, canvas.v), self.tint[1:], self.rest[1:], strict=True):
            _mirror(plane, self.horizon // 2, source, aside // 2, tint, rest)
        rows = np.repeat(source * 2, 2)
        rows[1::2] += 1
        _mirror(canvas.y, self.horizon, rows, np.repeat(aside, 2), self.tint[0], self.rest[0])


def _mirror(plane: Bytes, horizon: int, rows: np.ndarray, aside: np.ndarray, tint: Bytes, rest: Bytes) -> None:
    depth = plane.shape[0] - horizon
    mirrored = plane[rows[:depth]]
    width = plane.shape[1]
    reach = int(np.abs(aside).max()) + 1
    wide = np.pad(mirrored, ((0, 0), (reach, reach)), mode="edge")
    for row, shift in enumerate(aside[:depth].tolist()):
        mirrored[row] = wide[row, reach + shift : reach + shift + width]
    mixed = mirrored * rest[:depth]
    mixed += tint[:depth]
    mixed >>= 8
    plane[horizon:] = mixed


@dataclass(slots=True)
class Glitter:
    """Short bright dashes on water that come and go; closer ones are longer."""

    dashes: Sequence[Sprite]
    kinds: np.ndarray
    x: np.ndarray
    y: np.ndarray
    phase: np.ndarray
    rate: np.ndarray
    drift: np.ndarray

    @classmethod
    def on(
        cls,
        rng: np.random.Generator,
        canvas: Canvas,
        horizon: int,
        tint: Floats,
        unit: float,
        *,
        centre: float | None,
        count: int,
        strength: float = 0.75,
    ) -> Glitter:
        depth = canvas.height - horizon
        far = rng.power(0.75, count)
        spread = (0.035 + 0.13 * far) * canvas.width
        x = rng.uniform(-0.05, 1.05, count) * canvas.width if centre is None else centre + rng.normal(0, 1, count) * spread
        dashes = [_dash((5 + size * 9) * unit, (0.9 + size * 0.36) * unit, tint, strength) for size in range(6)]
        kinds = np.minimum((far * 6).astype(int), 5)
        return cls(
            dashes,
            kinds,
            x,
            horizon + 3 + far * (depth - 6),
            rng.uniform(0, 6.28, count),
            rng.uniform(1.2, 3.2, count),
            rng.uniform(-6, 6, count) * unit,
        )

    def draw(self, canvas: Canvas, second: float) -> None:
        shine = np.clip(np.sin(self.phase + self.rate * second), 0, 1)
        for at in np.flatnonzero(shine > 0.1):
            self.dashes[self.kinds[at]].draw(canvas, float(self.x[at] + self.drift[at] * second), float(self.y[at]), float(shine[at]))


def _dash(length: float, thick: float, tint: Floats, strength: float) -> Sprite:
    rows = np.arange(int(thick * 2) + 3, dtype=np.float32)[:, None] - (int(thick * 2) + 2) / 2
    columns = np.arange(int(length) + 3, dtype=np.float32)[None, :] - (int(length) + 2) / 2
    far = np.sqrt((rows / thick) ** 2 + (columns / (length / 2)) ** 2)
    found = flat(tint, (np.clip((1 - far) * 2.2, 0, 1) * strength).astype(np.float32))
    found.fine = 1
    return found


@dataclass(slots=True)
class Aurora:
    """Curtains of light in the upper sky."""

    height: int
    width: int
    profile: Floats
    tint: tuple[Floats, Floats, Floats]
    waves: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def over(cls, rng: np.random.Generator, canvas: Canvas, height: int) -> Aurora:
        height = height // 2 * 2
        rows = np.linspace(0, 1, height, dtype=np.float32)
        profile = np.clip(rows * 1.25, 0, 1) ** 1.5 * np.clip((1 - rows) * 4, 0, 1)
        rgb = np.stack([blended("#7b4fd6", "#4ff0a8", float(min(share * 1.3, 1))) for share in rows])[:, None, :].repeat(2, axis=1)
        return cls(height, canvas.width, profile.astype(np.float32), planes_of(rgb), rng.uniform(0, 6.28, 6))

    def draw(self, canvas: Canvas, second: float) -> None:
        x = np.linspace(0, 9, self.width // 2, dtype=np.float32)
        a, b, c, d, e, f = self.waves
        fold = np.sin(x * 0.9 + a + second * 0.35) + 0.6 * np.sin(x * 2.1 + b - second * 0.5) + 0.35 * np.sin(x * 5.3 + c + second * 0.9)
        fine = 0.72 + 0.28 * np.sin(x * 17 + d + second * 1.4) * np.sin(x * 7 + e - second * 0.8)
        shine = (np.clip(0.42 + 0.42 * fold, 0, 1) * fine * (0.85 + 0.1 * np.sin(second + f))).astype(np.float32)
        alpha = np.rint(self.profile[0::2, None] * shine[None, :] * 235).astype(np.int32)
        full = alpha.repeat(2, axis=0).repeat(2, axis=1)
        for plane, tint, cover in zip(
            (canvas.y, canvas.u, canvas.v), (self.tint[0][:, :1], self.tint[1], self.tint[2]), (full, alpha, alpha), strict=True
        ):
            part = plane[: cover.shape[0]]
            part += (((tint.astype(np.int32) - part) * cover) >> 8).astype(np.uint8)


@dataclass(slots=True)
class Beam:
    """The turning light of a tower: wide and bright when it looks at us, gone when it looks away."""

    x: float
    y: float
    beams: Sequence[tuple[Sprite, float, float]]
    lamp: Sprite

    @classmethod
    def of(cls, x: float, y: float, reach: int, tint: Floats) -> Beam:
        found = []
        for step in range(24):
            side = float(np.cos(2 * np.pi * step / 24))
            found.append(_ray(reach, side, tint))
        return cls(x, y, found, glow(reach * 0.09, tint, 0.95, 1.6))

    def draw(self, canvas: Canvas, second: float) -> None:
        turn = second / 4 * 24
        whole, part = int(turn) % 24, turn - int(turn)
        for step, share in ((whole, 1 - part), ((whole + 1) % 24, part)):
            sprite, left, top = self.beams[step]
            sprite.draw(canvas, self.x + left, self.y + top, share)
        side = self.lamp.alpha.shape[0] / 2
        self.lamp.draw(canvas, self.x - side, self.y - side)


def _ray(reach: int, side: float, tint: Floats) -> tuple[Sprite, float, float]:
    length = max(int(abs(side) * reach), 8)
    half = max(int(reach * 0.12), 6)
    columns = np.arange(length, dtype=np.float32)[None, :] / length
    rows = np.abs(np.arange(-half, half, dtype=np.float32))[:, None] / half
    wide = 0.06 + 0.94 * columns
    alpha = np.clip(1 - rows / wide, 0, 1) ** 0.8 * (1 - columns) ** 1.2 * 0.5
    alpha = alpha if side > 0 else alpha[:, ::-1]
    return flat(tint, alpha.astype(np.float32)), 0.0 if side > 0 else -float(length), -float(half)


@dataclass(slots=True)
class Windows:
    """Lights of a town that go on and off now and then, moving with the houses they belong to."""

    sprite: Sprite
    x: np.ndarray
    y: np.ndarray
    period: np.ndarray
    phase: np.ndarray
    by_x: float

    def draw(self, canvas: Canvas, second: float) -> None:
        lit = np.mod(second + self.phase, self.period) < self.period * 0.55
        for x, y in zip(self.x[lit], self.y[lit], strict=True):
            self.sprite.draw(canvas, float(x + self.by_x * second), float(y))
