"""Who and what stands in a place: boats, towers, birds, trees, lamps. Each function adds to the stage."""

from __future__ import annotations

import numpy as np

from generation.engines.builtin.canvas import Floats, Sprite
from generation.engines.builtin.elements import Beam, Drift, Flap, lights
from generation.engines.builtin.palette import blended, colour
from generation.engines.builtin.shapes import (
    Draw,
    balloon,
    bird,
    boat,
    drawn,
    flat,
    glow,
    ground,
    ink,
    lighthouse,
    ridge_line,
    walker,
    whale,
)
from generation.engines.builtin.stage import Stage

BRIGHT = ("#c2321a", "#e8a33d", "#2f7f8a", "#7a3b6e", "#e4694b")


def flock(stage: Stage, at: float) -> None:
    """A few far birds, if the prompt names them or the day is bright."""
    if "birds" in stage.plan.shunned:
        return
    if stage.light.is_dark or stage.plan.weather != "clear" or ("birds" not in stage.plan.figures and stage.rng.random() < 0.35):
        return
    u, rng = stage.unit, stage.rng
    dark = blended(stage.light.near, stage.light.far, 0.35)
    x, y = rng.uniform(0.12, 0.5) * stage.width, stage.y(at) * rng.uniform(0.6, 1.0)
    count = int(rng.integers(5, 9)) + (4 if "birds" in stage.plan.figures else 0)
    for index in range(count):
        size = int(rng.uniform(15, 27) * u)
        poses = [bird(size, dark, lift) for lift in (-0.5, -0.15, 0.3, 0.75, 1.0)]
        offset_x, offset_y = (index * 30 + rng.uniform(-14, 14)) * u, rng.uniform(-34, 34) * u
        stage.add(Flap(poses, x + offset_x, y + offset_y, 26 * u, -4 * u, rng.uniform(1.5, 2.1), rng.uniform(0, 1), 2.5 * u))


def sail(stage: Stage, horizon: float, unit: float) -> None:
    """A small boat on the water, rocking a little, with its mirror image."""
    if "boat" in stage.plan.shunned:
        return
    size = int(66 * unit)
    dark = blended(stage.light.near, "#000000", 0.15)
    cloth = blended(stage.light.disc if stage.plan.hour != "ink" else "#f4efe2", stage.light.far, 0.22)
    figure = boat(size, dark, cloth)
    x, y = float(stage.rng.uniform(0.2, 0.42)) * stage.width, stage.y(horizon) + 8 * unit
    low = int(size * 0.42)
    image = Sprite(figure.rgb[::-2][:low], figure.alpha[::-2][:low] * np.linspace(0.5, 0.05, low, dtype=np.float32)[:, None])
    pace = stage.pace(12)
    stage.add(Drift(image, x, y + size * 0.02, by_x=pace, sway_x=1.6 * unit, rate=0.9))
    stage.add(Drift(figure, x, y - size * 0.9, by_x=pace, sway_y=1.4 * unit, rate=0.45))


def tower(stage: Stage) -> None:
    """A lighthouse on its rock, its light going round."""
    size = int(stage.y(0.62))
    x, y = stage.width * 0.72 - size / 2, stage.y(0.97) - size
    rock = blended(stage.light.near, "#000000", 0.2)
    figure = lighthouse(size, rock)
    beam = Beam.of(x + size * 0.5, y + size * 0.17, int(stage.width * 0.62), colour("#fff1c4"))
    stage.add(beam, Drift(figure, float(int(x) // 2 * 2), float(int(y) // 2 * 2)))
    line = ridge_line(stage.rng, stage.width, 120 * stage.unit, sharp=True)
    middle = np.abs(np.arange(stage.width) - stage.width * 0.72) / stage.width
    origin = int(stage.y(0.9)) // 2 * 2
    tops = stage.y(0.955) - origin + line * stage.y(0.012) + np.clip(middle - 0.1, 0, 1) * stage.y(0.28)
    stage.add(Drift(ground(tops.astype(np.float32), stage.height - origin, rock, rock), 0.0, float(origin)))


def balloons(stage: Stage) -> None:
    """Hot-air balloons at several distances, rising slowly."""
    if "balloon" in stage.plan.shunned:
        return
    u, rng = stage.unit, stage.rng
    spots = ((0.2, 0.3, 150), (0.46, 0.16, 92), (0.66, 0.36, 58), (0.85, 0.22, 74), (0.34, 0.46, 40))
    for index, (x, y, size) in enumerate(sorted(spots, key=lambda spot: spot[2])):
        tint = blended(colour(BRIGHT[(index + int(rng.integers(5))) % 5]), colour(stage.light.sky[-1]), 0.42 - size / 400)
        figure = balloon(int(size * u), tint, blended("#f6ead2", tint, 0.2), blended(stage.light.near, stage.light.far, 0.3))
        left = (x + rng.uniform(-0.05, 0.05)) * stage.width - size * u / 2
        stage.add(Drift(figure, left, stage.y(y), by_x=4 * u, by_y=-size * 0.07 * u, sway_x=3 * u, phase=index * 1.3, rate=0.2))


def whales(stage: Stage, at: float) -> None:
    """A whale crossing, and its calf."""
    if "whale" in stage.plan.shunned:
        return
    u = stage.unit
    dark = blended(stage.light.near, stage.light.far, 0.22)
    belly = blended(dark, "#cfe9e6", 0.36)
    for size, x, y, phase in ((int(560 * u), 0.5, at, 0.0), (int(190 * u), 0.3, at + 0.2, 0.35)):
        poses = [whale(size, dark, belly, bend) for bend in np.sin(np.linspace(-np.pi / 2, np.pi / 2, 14))]
        left = x * stage.width - size * 0.35
        stage.add(Flap(poses, left, stage.y(y) - size / 4, -22 * u, -2 * u, 0.22, phase, 5 * u))


def caravan(stage: Stage, skyline: tuple[Floats, float, float]) -> None:
    """Three walkers on the crest of a dune; they keep to its line."""
    if "walkers" in stage.plan.shunned:
        return
    if stage.light.is_dark and "walkers" not in stage.plan.figures:
        return
    line, _, by_x = skyline
    u = stage.unit
    dark = blended(stage.light.near, "#000000", 0.2)
    for index, size in enumerate((44, 40, 46)):
        at = int(stage.width * 0.44 + index * 34 * u)
        tall = int(size * u)
        poses = [walker(tall, dark, stride) for stride in (-1.0, -0.5, 0.0, 0.5, 1.0)]
        stage.add(Flap(poses, at - tall / 2, float(line[min(at, line.shape[0] - 1)]) - tall * 0.94, by_x, 0.0, 1.1, index * 0.3))


def grass(stage: Stage) -> None:
    """Tall blades and flowers in front, bending in the wind."""
    u, rng = stage.unit, stage.rng
    tint = blended(stage.light.near, "#000000", 0.12)
    high = int(150 * u)
    for lean in range(3):
        sheet = _blades(rng, stage.width + int(60 * u), high, u, tint, stage.plan.weather == "clear")
        stage.add(Drift(sheet, -30 * u, stage.height - high + (18 - lean * 8) * u, sway_x=(5 + 3 * lean) * u, phase=lean * 1.7, rate=0.35))


def _blades(rng: np.random.Generator, width: int, height: int, u: float, tint: Floats, flowers: bool) -> Sprite:
    heads = [colour(text) for text in ("#f3d9c6", "#e4694b", "#f1c24b", "#f7f2e4")]

    def paint(draw: Draw, unit: float) -> None:
        for _ in range(int(width / (7 * u))):
            x, size = rng.uniform(0, width), rng.uniform(0.3, 0.78) * height
            lean = rng.normal(8, 16) * u
            tip = (x + lean, height - size)
            draw.polygon(
                [((x - 2.4 * u) * unit, height * unit), ((x + 2.4 * u) * unit, height * unit), (tip[0] * unit, tip[1] * unit)],
                fill=ink(tint),
            )
            if flowers and rng.random() < 0.16:
                r = rng.uniform(3, 5.5) * u
                box = [((tip[0] - r) * unit, (tip[1] - r) * unit), ((tip[0] + r) * unit, (tip[1] + r) * unit)]
                draw.ellipse(box, fill=ink(blended(heads[int(rng.integers(4))], tint, 0.18)))

    return drawn(width, height, paint)


def trunks(stage: Stage, index: int) -> None:
    """One row of bare trunks; `index` 0 is far and pale, 3 near and dark."""
    u, rng = stage.unit, stage.rng
    pace = stage.pace((4, 9, 18, 36)[index])
    width = stage.width + int(pace * stage.seconds) + 8
    tint = blended(stage.light.far, stage.light.near, (0.08, 0.34, 0.64, 0.95)[index])
    thick, count = (9, 15, 26, 52)[index] * u, int((26, 17, 10, 5)[index] * width / (1280 * u))
    foot = int(stage.y((0.72, 0.78, 0.86, 1.0)[index]))

    def paint(draw: Draw, unit: float) -> None:
        for number in range(count):
            x = (number + rng.uniform(0.1, 0.9)) * width / count
            wide, lean = thick * rng.uniform(0.6, 1.25), rng.normal(0, 14) * u
            draw.polygon(
                [
                    (a * unit, b * unit)
                    for a, b in ((x - wide / 2, foot), (x + wide / 2, foot), (x + lean + wide * 0.3, -4), (x + lean - wide * 0.3, -4))
                ],
                fill=ink(tint),
            )
            for _ in range(int(rng.integers(2, 5))):
                _branch(draw, unit, rng, x + lean * 0.5, rng.uniform(0.05, 0.6) * foot, wide, u, tint)

    stage.add(Drift(drawn(width, foot, paint), 0.0, 0.0, by_x=-pace))


def _branch(draw: Draw, unit: float, rng: np.random.Generator, x: float, y: float, wide: float, u: float, tint: Floats) -> None:
    side = 1 if rng.random() < 0.5 else -1
    reach, lift = rng.uniform(1.6, 3.6) * wide + 16 * u, rng.uniform(0.4, 1.0)
    ends = ((x, y - wide * 0.16), (x, y + wide * 0.16), (x + side * reach, y - reach * lift))
    draw.polygon([(a * unit, b * unit) for a, b in ends], fill=ink(tint))


def shafts(stage: Stage) -> None:
    """Slanted light between the trees."""
    if stage.plan.weather != "clear":
        return
    _rays(stage, colour(stage.light.glow), 5, 0.2 if not stage.light.is_dark else 0.1, 0.9)


def rays(stage: Stage) -> None:
    """Light falling through the surface of the sea."""
    _rays(stage, colour(stage.light.glow), 7, 0.3, 0.85)


def _rays(stage: Stage, tint: Floats, count: int, strength: float, reach: float) -> None:
    u, rng = stage.unit, stage.rng
    for index in range(count):
        high, wide = int(stage.y(reach)), int(rng.uniform(70, 190) * u)
        slant = rng.uniform(0.12, 0.5) * high
        rows = np.arange(high, dtype=np.float32)[:, None]
        columns = np.arange(int(wide + slant), dtype=np.float32)[None, :]
        middle = wide / 2 + rows / high * slant
        half = wide * (0.22 + 0.28 * rows / high)
        alpha = np.clip(1 - np.abs(columns - middle) / half, 0, 1) ** 0.7 * (1 - rows / high) ** 1.3 * strength
        x = (index + rng.uniform(-0.2, 0.7)) / count * stage.width - slant / 2
        ray = flat(tint, alpha.astype(np.float32))
        ray.fine = 1
        stage.add(Drift(ray, x, float(-8 * u // 2 * 2), by_x=rng.uniform(3, 9) * u, sway_x=14 * u, phase=index * 0.9, rate=0.14))


def fox(stage: Stage) -> None:
    """A fox crossing between the trees, when the prompt asks for an animal of the woods."""
    if "fox" in stage.plan.shunned:
        return
    if "fox" not in stage.plan.figures and ("walkers" in stage.plan.figures or stage.rng.random() < 0.5):
        return
    u = stage.unit
    coat, dark = blended("#d1502f", stage.light.near, 0.12), blended(stage.light.near, "#000000", 0.1)
    poses = [_fox(int(120 * u), coat, dark, step) for step in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    stage.add(Flap(poses, stage.width * 0.28, stage.y(0.8), 44 * u, 2 * u, 1.5, 0.0, 1.5 * u))


def _fox(size: int, coat: Floats, dark: Floats, step: float) -> Sprite:
    white = colour("#f4ece0")

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 100

        def p(*points: tuple[float, float]) -> list[tuple[float, float]]:
            return [(x * k, y * k) for x, y in points]

        for x, side in ((36, 1), (42, -1), (64, -1), (69, 1)):
            draw.polygon(p((x - 2.6, 36), (x + 2.6, 36), (x + side * step * 6 + 1.4, 58), (x + side * step * 6 - 1.4, 58)), fill=ink(dark))
        draw.polygon(p((32, 30), (20, 26 + step * 2), (4, 32 + step * 3), (2, 38 + step * 3), (18, 40), (34, 38)), fill=ink(coat))
        draw.polygon(p((4, 32 + step * 3), (-1, 38 + step * 3), (9, 39.5 + step * 2.6), (11, 29 + step * 2.6)), fill=ink(white))
        draw.polygon(p((30, 29), (48, 25), (70, 25), (76, 31), (72, 40), (50, 41), (33, 40)), fill=ink(coat))
        draw.polygon(p((68, 26), (78, 15), (88, 16), (99, 25), (90, 29), (78, 36)), fill=ink(coat))
        draw.polygon(p((78, 17), (79, 6), (85, 15)), fill=ink(coat))
        draw.polygon(p((85, 16), (88.5, 6.5), (91, 18)), fill=ink(coat))
        draw.polygon(p((84, 27), (99, 25), (90, 29), (78, 36)), fill=ink(white))
        draw.ellipse([(87 * k, 19.4 * k), (89 * k, 21.4 * k)], fill=ink(dark))
        draw.ellipse([(97 * k, 23.8 * k), (99.6 * k, 26 * k)], fill=ink(dark))

    return drawn(size, size * 6 // 10, paint)


def floor(stage: Stage, cover: str | None) -> None:
    """The ground of the wood, with snow where it snows."""
    pace = stage.pace(36)
    width = stage.width + int(pace * stage.seconds) + 8
    origin = int(stage.y(0.84)) // 2 * 2
    for top, depth, bump in ((0.875, 0.6, 0.012), (0.95, 0.94, 0.02)):
        tint = blended(stage.light.far, stage.light.near, depth)
        tint = blended(cover, tint, 0.12 + depth * 0.2) if cover else tint
        line = ridge_line(stage.rng, width, 300 * stage.unit, sharp=False)
        tops = (stage.y(top) - origin + line * stage.y(bump)).astype(np.float32)
        stage.add(Drift(ground(tops, stage.height - origin, tint, blended(tint, "#000000", 0.18)), 0.0, float(origin), by_x=-pace))


def lamps(stage: Stage, foot: float) -> None:
    """Street lamps along the bank."""
    u, pace = stage.unit, stage.pace(26)
    dark = blended(stage.light.near, "#000000", 0.1)
    high = int(104 * u)

    def paint(draw: Draw, unit: float) -> None:
        k = high * unit / 100
        draw.rectangle([(19 * k, 8 * k), (21 * k, 100 * k)], fill=ink(dark))
        draw.line([(20 * k, 9 * k), (30 * k, 9 * k)], fill=ink(dark), width=int(1.8 * k))
        draw.ellipse([(27 * k, 7 * k), (35 * k, 13 * k)], fill=ink(colour("#fff0c8")))

    post, halo = drawn(int(high * 0.42), high, paint), glow(52 * u, colour("#ffd48a"), 0.6)
    for x in np.arange(60 * u, stage.width + pace * stage.seconds, 250 * u):
        y = stage.y(foot) - high
        stage.add(Drift(post, float(x), y, by_x=-pace))
        stage.add(Drift(halo, float(x) + high * 0.31 - 52 * u, y + high * 0.1 - 52 * u, by_x=-pace))


def traffic(stage: Stage, foot: float) -> None:
    """Lights of cars passing along the bank, both ways."""
    u, rng = stage.unit, stage.rng
    front, back = lights([17 * u], colour("#fff3d2"), 0.9)[0], lights([14 * u], colour("#ff4a3a"), 0.85)[0]
    for sprite, speed, row in ((front, 150.0, 0.006), (back, -120.0, -0.008)):
        for _ in range(7):
            x = rng.uniform(-0.6, 1.6) * stage.width
            stage.add(Drift(sprite, x, stage.y(foot + row) - 18 * u, by_x=speed * u * rng.uniform(0.8, 1.2)))


def tram(stage: Stage, foot: float) -> None:
    """A lit tram passing."""
    u = stage.unit
    red, pale, dark = colour("#b3261a"), colour("#ffdf9a"), blended(stage.light.near, "#000000", 0.2)
    high = int(128 * u)

    def paint(draw: Draw, unit: float) -> None:
        k = high * unit / 100
        draw.rounded_rectangle([(4 * k, 18 * k), (296 * k, 86 * k)], 8 * k, fill=ink(red))
        draw.rectangle([(4 * k, 26 * k), (296 * k, 54 * k)], fill=ink(blended(red, "#000000", 0.25)))
        for x in range(12, 284, 34):
            draw.rectangle([(x * k, 28 * k), ((x + 27) * k, 52 * k)], fill=ink(pale))
        for x in (60, 238):
            draw.ellipse([((x - 9) * k, 80 * k), ((x + 9) * k, 98 * k)], fill=ink(dark))
        draw.rectangle([(4 * k, 62 * k), (296 * k, 65 * k)], fill=ink(colour("#f2d9a8")))
        draw.line([(150 * k, 18 * k), (172 * k, 2 * k)], fill=ink(dark), width=int(1.6 * k))

    car = drawn(high * 3, high, paint)
    stage.add(Drift(car, -0.05 * stage.width, stage.y(foot) - high * 0.98, by_x=stage.pace(60)))
    stage.add(Drift(glow(120 * u, colour("#ffdf9a"), 0.4), 0.0 * u + high * 1.4, stage.y(foot) - 170 * u, by_x=stage.pace(60)))


def nebula(stage: Stage) -> None:
    """Clouds of light between the stars."""
    rng, u = stage.rng, stage.unit
    for text in ("#7a3bb0", "#c2486f", "#2f63b8", "#7a3bb0", "#e08a5a"):
        radius = rng.uniform(170, 330) * u
        x, y = rng.uniform(0, 1) * stage.width, rng.uniform(0.05, 0.6) * stage.height
        stage.add(Drift(glow(radius, colour(text), 0.26, 1.7), x - radius, y - radius, by_x=float(rng.uniform(-4, 4)) * u))


def planet(stage: Stage) -> None:
    """A large ringed planet, lit from one side, and its moon."""
    u, rng = stage.unit, stage.rng
    size = int(rng.uniform(300, 380) * u) // 2 * 2
    first, second = colour("#e9b27a"), colour("#9a4a5c")
    figure = _planet(rng, size, first, second)
    x, y = rng.uniform(0.52, 0.66) * stage.width - size / 2, stage.y(0.36) - size / 2
    stage.add(Drift(glow(size * 0.85, colour("#d79bff"), 0.3), x + size / 2 - size * 0.85, y + size / 2 - size * 0.85, by_x=-3 * u))
    back, front = _ring(size)
    wide = back.alpha.shape
    stage.add(Drift(back, x + size / 2 - wide[1] / 2, y + size / 2 - wide[0] / 2, by_x=-3 * u))
    stage.add(Drift(figure, x, y, by_x=-3 * u))
    stage.add(Drift(front, x + size / 2 - wide[1] / 2, y + size / 2 - wide[0] / 2, by_x=-3 * u))
    moon = _planet(rng, int(64 * u) // 2 * 2, colour("#cfd6e6"), colour("#8b93ab"))
    stage.add(Drift(moon, 0.2 * stage.width, stage.y(0.2), by_x=7 * u, by_y=-1.5 * u))


def _planet(rng: np.random.Generator, size: int, first: Floats, second: Floats) -> Sprite:
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    x, y = (columns - size / 2 + 0.5) / (size / 2), (rows - size / 2 + 0.5) / (size / 2)
    far = np.hypot(x, y)
    alpha = np.clip((1 - far) * size / 2 + 0.5, 0, 1)
    bands = ridge_line(rng, size * 2, size / 7, sharp=False)
    share = 0.5 + 0.5 * bands[(rows + size * 0.16 * np.sqrt(np.clip(1 - x * x, 0, 1))).astype(int)]
    rgb = first * (1 - share[..., None]) + second * share[..., None]
    height = np.sqrt(np.clip(1 - far * far, 0, 1))
    lit = np.clip(-0.62 * x - 0.42 * y + 0.66 * height, 0.03, 1)
    return Sprite((rgb * np.clip(lit * 1.15, 0, 1)[..., None]).astype(np.float32), alpha.astype(np.float32))


def _ring(size: int) -> tuple[Sprite, Sprite]:
    wide, high = int(size * 2.3) // 2 * 2, int(size * 0.62) // 2 * 2
    rows, columns = np.mgrid[0:high, 0:wide].astype(np.float32)
    x, y = (columns - wide / 2) / (wide / 2), (rows - high / 2 - (columns - wide / 2) * 0.06) / (high / 2) / 0.72
    far = np.hypot(x, y)
    alpha = (
        np.clip((far - 0.6) * 40, 0, 1)
        * np.clip((0.98 - far) * 40, 0, 1)
        * (0.5 + 0.3 * np.sin(far * 70))
        * np.clip(1 - np.abs(far - 0.78) * 1.2, 0, 1)
    )
    tint = colour("#f0d3b0")
    is_front = y > 0
    return flat(tint, np.where(is_front, 0, alpha).astype(np.float32)), flat(tint, np.where(is_front, alpha, 0).astype(np.float32))


def meteors(stage: Stage) -> None:
    """A shooting star now and then."""
    u, rng = stage.unit, stage.rng
    long, thick = int(170 * u), max(int(60 * u), 4)
    columns = np.linspace(0, 1, long, dtype=np.float32)[None, :]
    rows = np.linspace(0, 1, thick, dtype=np.float32)[:, None]
    alpha = np.clip(1 - np.abs(rows - columns) * thick / (1.6 * u), 0, 1) * columns**1.6 * 0.9
    trail = flat(colour("#fff6e4"), alpha.astype(np.float32))
    for _ in range(3):
        start = rng.uniform(0, max(stage.seconds - 1, 0.5))
        speed = 820 * u
        x, y = rng.uniform(-0.1, 0.5) * stage.width - speed * start, rng.uniform(0.02, 0.3) * stage.height - speed * 0.35 * start
        stage.add(Drift(trail, x, y, by_x=speed, by_y=speed * 0.353))


def shoal(stage: Stage, at: float) -> None:
    """Small fish moving together."""
    u, rng = stage.unit, stage.rng
    tint = blended(stage.light.sky[2], stage.light.near, 0.35)
    poses = [_fish(int(26 * u), tint, bend) for bend in (-1.0, -0.4, 0.2, 0.8)]
    for _ in range(26):
        x, y = rng.normal(0.26, 0.09) * stage.width, stage.y(float(rng.normal(at, 0.055)))
        stage.add(Flap(poses, x, y, 40 * u, float(rng.uniform(-3, 3)) * u, 1.9, float(rng.uniform(0, 1)), 1.5 * u))


def _fish(size: int, tint: Floats, bend: float) -> Sprite:
    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 100
        draw.ellipse([(28 * k, 12 * k), (98 * k, 40 * k)], fill=ink(tint))
        draw.polygon(
            [(36 * k, 26 * k), (4 * k, (10 + bend * 5) * k), (13 * k, (26 + bend * 7) * k), (4 * k, (42 + bend * 5) * k)], fill=ink(tint)
        )

    return drawn(size, size * 52 // 100, paint)


def weeds(stage: Stage) -> None:
    """Sea grass on the bed, swaying."""
    u, rng = stage.unit, stage.rng
    tint = blended(stage.light.near, stage.light.far, 0.12)
    for _ in range(26):
        poses = [_weed(int(rng.uniform(70, 150) * u), tint, 0.0)]
        tall = poses[0].alpha.shape[0]
        poses = [_weed(tall, tint, bend) for bend in np.linspace(-1, 1, 7)]
        stage.add(Flap(poses, rng.uniform(-0.02, 1.0) * stage.width, stage.height - tall * 0.93, 0.0, 0.0, 0.3, float(rng.uniform(0, 1))))


def _weed(tall: int, tint: Floats, bend: float) -> Sprite:
    wide = max(tall // 2, 6)

    def paint(draw: Draw, unit: float) -> None:
        at = np.linspace(0, 1, 16)
        middle = wide / 2 + np.sin(at * 3.4 + bend) * wide * 0.16 * at + bend * wide * 0.2 * at**2
        half = wide * 0.055 * (1 - at) + 0.6
        left = [((m - h) * unit, (1 - a) * tall * unit) for m, h, a in zip(middle, half, at, strict=True)]
        right = [((m + h) * unit, (1 - a) * tall * unit) for m, h, a in zip(middle, half, at, strict=True)]
        draw.polygon(left + right[::-1], fill=ink(tint))

    return drawn(wide, tall, paint)


def lantern(size: int) -> Sprite:
    """A paper lantern that glows, `size` pixels high with its halo around it."""
    side = size * 3 // 2 * 2
    halo = glow(side / 2, colour("#ffb35c"), 0.55, 2.0)

    def paint(draw: Draw, unit: float) -> None:
        k, left, top = size * unit / 100, (side - size * 0.8) / 2 * unit, (side - size) / 2 * unit
        paper = [(12, 6), (68, 6), (76, 70), (58, 100), (22, 100), (4, 70)]
        flame = [(26, 50), (54, 50), (52, 98), (28, 98)]
        for points, tint in ((paper, "#f39a3f"), (flame, "#ffe3a1")):
            draw.polygon([(left + x * k, top + y * k) for x, y in points], fill=ink(colour(tint)))

    body = drawn(side, side, paint)
    rest = halo.alpha[:side, :side] * (1 - body.alpha)
    alpha = body.alpha + rest
    rgb = (body.rgb * body.alpha[..., None] + halo.rgb[:side, :side] * rest[..., None]) / np.maximum(alpha, 1e-4)[..., None]
    return Sprite(rgb.astype(np.float32), alpha.astype(np.float32))
