"""Shapes that pictures are built from: ridges, discs, and figures drawn as flat silhouettes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from generation.engines.builtin.canvas import FINE, Floats, Sprite
from generation.engines.builtin.palette import blended, colour

SUPER = 3
SOFT_PX = 80
SMALL_PX = 100_000
"""Larger sheets are drawn at twice their size only."""
Draw = ImageDraw.ImageDraw


def ridge_line(rng: np.random.Generator, width: int, step: float, *, sharp: bool, octaves: int = 5) -> Floats:
    """Heights (−1 to 1, one a column) of a skyline whose largest features are `step` pixels wide."""
    line = np.zeros(width, np.float64)
    size, span = 1.0, step
    for _ in range(octaves):
        knots = rng.uniform(-1, 1, int(width / span) + 4)
        at = np.arange(width) / span + rng.uniform(0, 1)
        whole = np.floor(at).astype(int)
        part = at - whole
        part = part if sharp else part * part * (3 - 2 * part)
        line += size * (knots[whole] * (1 - part) + knots[whole + 1] * part)
        size, span = size * 0.46, span * (0.47 if sharp else 0.5)
        if span < 3 or (not sharp and size < 0.2):
            break
    peak = float(np.abs(line).max()) or 1.0
    return (line / peak).astype(np.float32)


def ground(
    tops: Floats, height: int, high: Floats, low: Floats, *, shade: float = 0.0, mist: float = 0.0, mist_colour: Floats | None = None
) -> Sprite:
    """All below `tops` (rows, one a column), coloured from `high` at its crest to `low`; slopes away from the light are darker."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    alpha = np.clip(rows - tops[None, :] + 0.5, 0, 1)
    depth = np.clip((rows - tops[None, :]) / max(height - float(tops.min()), 1), 0, 1)
    rgb = high * (1 - depth[..., None]) + low * depth[..., None]
    if shade:
        rgb *= (1 - _facets(tops, rows, depth) * shade)[..., None]
    if mist and mist_colour is not None:
        veil = (np.clip(depth * 1.35, 0, 1) ** 1.5 * mist)[..., None]
        rgb = rgb * (1 - veil) + mist_colour * veil
    return Sprite(np.clip(rgb, 0, 255).astype(np.float32), alpha.astype(np.float32), is_wide=True)


def _facets(tops: Floats, rows: Floats, depth: Floats) -> Floats:
    """How far each point is turned away from the light: slopes of the crest, followed down its flank at an angle."""
    kernel = np.ones(17, np.float32) / 17
    slope = np.convolve(np.pad(np.gradient(tops), 8, mode="edge"), kernel, mode="valid")
    columns = np.arange(tops.shape[0], dtype=np.float32)[None, :] + np.clip(rows - tops[None, :], 0, None) * 0.6
    turned = slope[np.clip(columns, 0, tops.shape[0] - 1).astype(int)]
    facets: Floats = (np.clip(turned * 1.7, -0.55, 1) * np.exp(-depth * 3.0)).astype(np.float32)
    return facets


def disc(radius: float, tint: Floats, soft: float = 1.0) -> Sprite:
    """A filled circle whose edge fades over `soft` pixels."""
    side = int(radius * 2 + soft * 2 + 4)
    centre = side / 2 - 0.5
    rows, columns = np.ogrid[:side, :side]
    far = np.hypot(rows - centre, columns - centre).astype(np.float32)
    alpha = np.clip((radius - far) / max(soft, 0.01) + 0.5, 0, 1)
    return flat(tint, alpha)


def glow(radius: float, tint: Floats, strength: float = 1.0, power: float = 2.0) -> Sprite:
    """Light that falls off from its centre to nothing at `radius`."""
    side = int(radius * 2) // 2 * 2
    centre = side / 2 - 0.5
    rows, columns = np.ogrid[:side, :side]
    far = np.hypot(rows - centre, columns - centre).astype(np.float32) / radius
    found = flat(tint, (np.clip(1 - far, 0, 1) ** power * strength).astype(np.float32))
    found.fine = 1 if radius > SOFT_PX else FINE
    return found


def flat(tint: Floats, alpha: Floats) -> Sprite:
    """One colour behind a mask."""
    rgb = np.broadcast_to(tint.astype(np.float32), (*alpha.shape, 3))
    return Sprite(rgb, alpha.astype(np.float32))


def drawn(width: int, height: int, paint: Callable[[Draw, float], None]) -> Sprite:
    """What `paint(draw, unit)` draws on a transparent sheet, smoothed; `unit` is the size of a pixel of the result."""
    width, height = max(width, 2), max(height, 2)
    times = SUPER if width * height < SMALL_PX else 2
    sheet = Image.new("RGBA", (width * times, height * times), (0, 0, 0, 0))
    paint(ImageDraw.Draw(sheet), float(times))
    pixels = np.asarray(sheet.convert("RGBa").reduce(times), np.float32)
    alpha = pixels[..., 3]
    rgb = np.minimum(pixels[..., :3] * (255 / np.maximum(alpha, 1))[..., None], 255)
    return Sprite(rgb.astype(np.float32), (alpha / 255).astype(np.float32))


def ink(tint: Floats, alpha: float = 1.0) -> tuple[int, int, int, int]:
    """A colour as Pillow takes it."""
    return (int(tint[0]), int(tint[1]), int(tint[2]), int(alpha * 255))


def boat(size: int, dark: Floats, sail: Floats) -> Sprite:
    """A small sailing boat, `size` pixels long."""

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 100
        draw.polygon([(48 * k, 4 * k), (48 * k, 66 * k), (14 * k, 66 * k)], fill=ink(sail))
        draw.polygon([(53 * k, 14 * k), (53 * k, 66 * k), (84 * k, 66 * k)], fill=ink(blended(sail, dark, 0.25)))
        draw.rectangle([(49.4 * k, 2 * k), (51.6 * k, 74 * k)], fill=ink(dark))
        draw.polygon([(4 * k, 72 * k), (97 * k, 72 * k), (80 * k, 90 * k), (20 * k, 90 * k)], fill=ink(dark))

    return drawn(size, size, paint)


def lighthouse(size: int, dark: Floats) -> Sprite:
    """A striped tower on its rock, `size` pixels high; its lamp is at (0.5, 0.16) of the square."""

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 100
        white, red = colour("#efe9dc"), colour("#c2321a")
        for row in range(6):
            top, low = 24 + row * 10, 34 + row * 10
            draw.polygon(
                [
                    ((44.5 - row * 0.9) * k, top * k),
                    ((55.5 + row * 0.9) * k, top * k),
                    ((56.4 + row * 0.9) * k, low * k),
                    ((43.6 - row * 0.9) * k, low * k),
                ],
                fill=ink(white if row % 2 else red),
            )
            draw.polygon(
                [(51 * k, top * k), ((55.5 + row * 0.9) * k, top * k), ((56.4 + row * 0.9) * k, low * k), (51 * k, low * k)],
                fill=ink(dark, 0.28),
            )
        draw.rectangle([(42 * k, 21.5 * k), (58 * k, 24 * k)], fill=ink(dark))
        draw.rectangle([(45.5 * k, 12.5 * k), (54.5 * k, 21.5 * k)], fill=ink(colour("#ffe9a8")))
        draw.polygon([(44 * k, 12.5 * k), (56 * k, 12.5 * k), (50 * k, 5.5 * k)], fill=ink(red))
        draw.polygon(
            [
                (4 * k, 100 * k),
                (14 * k, 92 * k),
                (30 * k, 86 * k),
                (38 * k, 82 * k),
                (62 * k, 82 * k),
                (74 * k, 88 * k),
                (88 * k, 94 * k),
                (97 * k, 100 * k),
            ],
            fill=ink(dark),
        )

    return drawn(size, size, paint)


def balloon(size: int, first: Floats, second: Floats, dark: Floats) -> Sprite:
    """A striped hot-air balloon, `size` pixels high."""

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 100
        box = [(16 * k, 2 * k), (84 * k, 70 * k)]
        draw.ellipse(box, fill=ink(first))
        draw.polygon([(20 * k, 50 * k), (80 * k, 50 * k), (56 * k, 80 * k), (44 * k, 80 * k)], fill=ink(first))
        for left, right in ((32, 43), (57, 68)):
            draw.polygon(
                [
                    (50 * k, 2 * k),
                    (left * k, 22 * k),
                    (left * k, 52 * k),
                    (46 * k, 80 * k),
                    (54 * k, 80 * k),
                    (right * k, 52 * k),
                    (right * k, 22 * k),
                ]
                if left < 50
                else [(50 * k, 2 * k), (right * k, 22 * k), (right * k, 52 * k), (54 * k, 80 * k), (left * k, 52 * k), (left * k, 22 * k)],
                fill=ink(second),
            )
        draw.ellipse([(43 * k, 2 * k), (57 * k, 70 * k)], fill=ink(first))
        draw.polygon([(44 * k, 66 * k), (56 * k, 66 * k), (54 * k, 80 * k), (46 * k, 80 * k)], fill=ink(first))
        draw.line([(45 * k, 80 * k), (46.5 * k, 90 * k)], fill=ink(dark), width=max(1, int(0.8 * k)))
        draw.line([(55 * k, 80 * k), (53.5 * k, 90 * k)], fill=ink(dark), width=max(1, int(0.8 * k)))
        draw.rectangle([(45 * k, 89 * k), (55 * k, 97 * k)], fill=ink(dark))

    return drawn(size, size, paint)


def bird(size: int, dark: Floats, lift: float) -> Sprite:
    """A far bird, wings at `lift` (−1 down to 1 up)."""

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 100
        tip = 50 - lift * 26
        wing = ((0, 50), (20, 46 - lift * 18), (48, tip), (21, 55 - lift * 15), (0, 58))
        for side in (-1, 1):
            draw.polygon([((50 + side * x) * k, y * k) for x, y in wing], fill=ink(dark))

    return drawn(size, size, paint)


def whale(size: int, top: Floats, belly: Floats, tail: float) -> Sprite:
    """A whale swimming to the left, `size` pixels long, half as high; `tail` (−1 to 1) is where its fluke is."""

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 200
        back = np.linspace(0, 1, 60)
        bend = tail * 13 * np.clip(back - 0.45, 0, 1) ** 1.6 * 3
        middle = 52 + bend
        thick = 30 * np.clip(np.sin(np.clip(back, 0, 1) ** 0.62 * np.pi), 0, 1) ** 0.85 + 3.2
        x = 6 + back * 164
        upper = [(float(a) * k, float(b - c * 0.92) * k) for a, b, c in zip(x, middle, thick, strict=True)]
        lower = [(float(a) * k, float(b + c * 0.86) * k) for a, b, c in zip(x, middle, thick, strict=True)]
        draw.polygon(upper + lower[::-1], fill=ink(top))
        light = [(float(a) * k, float(b + c * 0.38) * k) for a, b, c in zip(x[:40], middle[:40], thick[:40], strict=True)]
        draw.polygon(light + lower[:40][::-1], fill=ink(belly))
        end = float(middle[-1])
        fluke = end - tail * 7
        draw.polygon(
            [
                (164 * k, (end - 4) * k),
                (196 * k, (fluke - 17) * k),
                (184 * k, fluke * k),
                (197 * k, (fluke + 13) * k),
                (164 * k, (end + 4) * k),
            ],
            fill=ink(top),
        )
        draw.polygon(
            [(70 * k, 70 * k), (94 * k, (88 + tail * 5) * k), (106 * k, (92 + tail * 6) * k), (92 * k, 70 * k)],
            fill=ink(blended(top, np.zeros(3, np.float32), 0.2)),
        )
        draw.ellipse([(30 * k, 54 * k), (33.4 * k, 57.4 * k)], fill=ink(np.full(3, 240, np.float32)))

    return drawn(size, size * 11 // 20, paint)


def walker(size: int, dark: Floats, stride: float) -> Sprite:
    """A person seen from afar, mid-step."""

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 100
        draw.ellipse([(43 * k, 4 * k), (57 * k, 20 * k)], fill=ink(dark))
        draw.polygon([(44 * k, 20 * k), (56 * k, 20 * k), (62 * k, 64 * k), (38 * k, 64 * k)], fill=ink(dark))
        for side in (-1, 1):
            draw.line([(50 * k, 60 * k), ((50 + side * stride * 12) * k, 97 * k)], fill=ink(dark), width=int(7 * k))

    return drawn(size, size, paint)


def pine(size: int, tint: Floats, rng: np.random.Generator) -> Sprite:
    """A conifer, `size` pixels high and half as wide."""

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 100
        draw.rectangle([(23.6 * k, 80 * k), (26.4 * k, 100 * k)], fill=ink(tint))
        for row in range(6):
            top, wide = 3 + row * 13.5, 5 + row * 3.5 + rng.uniform(-1, 1)
            draw.polygon(
                [(25 * k, top * k), ((25 - wide) * k, (top + 24) * k), (25 * k, (top + 21) * k), ((25 + wide) * k, (top + 24) * k)],
                fill=ink(tint),
            )

    return drawn(size // 2, size, paint)
