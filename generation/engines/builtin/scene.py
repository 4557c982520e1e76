"""A prompt becomes a picture that moves: a place, its light, its weather and who is in it, as layered flat shapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generation.engines.builtin import figures
from generation.engines.builtin.canvas import Canvas, Floats, Sprite, fill
from generation.engines.builtin.caption import draw_caption
from generation.engines.builtin.cat import cat
from generation.engines.builtin.elements import (
    FPS,
    Aurora,
    Backdrop,
    Drift,
    Element,
    Glitter,
    Rain,
    Stars,
    Water,
    Windows,
    dots,
    falling,
    lights,
)
from generation.engines.builtin.palette import Plan, blended, colour, gradient, plan_of
from generation.engines.builtin.shapes import disc, flat, glow, ground, pine, ridge_line
from generation.engines.builtin.stage import Hear, Stage, deaf


class Scene:
    """A picture of fixed size that can be drawn at any frame."""

    def __init__(self, elements: list[Element]) -> None:
        self._elements = elements

    def draw(self, canvas: Canvas, number: int) -> None:
        """The canvas shows frame `number`, caption included."""
        self.paint(canvas, number / FPS)
        draw_caption(canvas)

    def paint(self, canvas: Canvas, second: float, hear: Hear = deaf) -> None:
        """The canvas shows that second, without a caption."""
        for element in self._elements:
            element.draw(canvas, second)
            hear()


def scene_of(
    prompt: str, *, width: int, height: int, seconds: float, rng: np.random.Generator, avoided: str = "", hear: Hear = deaf
) -> tuple[Scene, Plan]:
    """The picture that the words of `prompt` ask for without what `avoided` names, and what was understood.

    The same `rng` gives the same pixels.
    """
    plan = plan_of(prompt, rng, avoided)
    stage = Stage(width, height, seconds, plan, rng, hear)
    PLACES[plan.place](stage)
    cat(stage)
    weather(stage)
    return Scene(stage.elements), plan


def weather(stage: Stage) -> None:
    """Rain, snow and small lights in front of everything."""
    stage.add(*weather_of(stage.plan, stage.rng, stage.width, stage.height))
    u, box = stage.unit, (-20.0, -20.0, stage.width + 40.0, stage.height + 40.0)
    if "fireflies" in stage.plan.figures:
        low = (0.0, stage.y(0.45), float(stage.width), stage.y(0.5))
        found = lights([7 * u, 10 * u, 15 * u], colour("#e9ff8a"))
        stage.add(falling(stage.rng, found, 46, low, speed=(-14 * u, 10 * u), side=(-16 * u, 16 * u), sway=22 * u, glimmer=1.0))
    if "lanterns" in stage.plan.figures:
        found = [figures.lantern(int(size * u)) for size in (16, 24, 36, 54)]
        stage.add(falling(stage.rng, found, 34, box, speed=(-46 * u, -26 * u), side=(6 * u, 14 * u), sway=6 * u, glimmer=0.18))


def weather_of(plan: Plan, rng: np.random.Generator, width: int, height: int) -> list[Element]:
    """What falls: rain or snow."""
    u = min(width, height) / 720
    if plan.weather == "rain":
        return [Rain.sheet(rng, width, height, u)]
    if plan.weather == "snow":
        box = (-20.0, -20.0, width + 40.0, height + 40.0)
        flakes = dots([1.3 * u, 2.0 * u, 2.9 * u, 4.4 * u], np.full(3, 250, np.float32), strength=0.92)
        count = int(210 * width * height / (1280 * 720 * u * u))
        return [falling(rng, flakes, count, box, speed=(70 * u, 120 * u), side=(-26 * u, 6 * u), sway=12 * u)]
    return []


def sky(stage: Stage, horizon: float, *, disc_at: tuple[float, float] | None, disc_size: float = 46, stars: int = 0) -> None:
    """The sky down to `horizon` (share of the height) with its sun or moon, stars and thin clouds."""
    u, light = stage.unit, stage.light
    picture = Canvas(stage.width, stage.height)
    rows = max(int(stage.y(horizon)), 2)
    colours = np.concatenate([gradient(light.sky, rows), np.repeat(gradient(light.sky, 2)[1:], stage.height - rows, axis=0)])
    fill(picture, np.repeat(colours[:, None, :], stage.width, axis=1), stage.rng)
    stars = stars if stage.plan.weather == "clear" else 0
    still = Stars.scattered(stage.rng, stage.width, rows, int(stars * stage.width / 1280))
    still.draw(picture, 0.0)
    stage.add(Backdrop(picture))
    if stars:
        stage.add(Stars.scattered(stage.rng, stage.width, int(rows * 0.85), stars // 3))
    if "aurora" in stage.plan.figures:
        stage.add(Aurora.over(stage.rng, picture, int(rows * 0.92)))
    if disc_at is not None and "aurora" not in stage.plan.figures:
        _sun(stage, disc_at, disc_size * u)
    if stage.plan.hour not in ("ink", "space"):
        _clouds(stage, rows)


def _sun(stage: Stage, at: tuple[float, float], size: float) -> None:
    light, x, y = stage.light, at[0] * stage.width, stage.y(at[1])
    size = size * (1.25 if stage.height > stage.width else 1)
    rise = {"sunset": 9.0, "dawn": -9.0, "ink": 0.0}.get(stage.plan.hour, -3.0) * stage.unit
    wide = 0.55 if light.is_dark else 0.9
    if stage.plan.weather != "clear" and stage.plan.hour != "ink":
        stage.add(Drift(glow(size * 5, colour(light.glow), 0.45), x - size * 5, y - size * 5))
        return
    if stage.plan.hour != "ink":
        stage.add(Drift(glow(size * 5.2, colour(light.glow), wide, 2.2), x - size * 5.2, y - size * 5.2, by_y=rise))
    face = disc(size, colour(light.disc), 1.6)
    side = face.alpha.shape[0] / 2
    stage.add(Drift(face, x - side, y - side, by_y=rise))


def _clouds(stage: Stage, rows: int) -> None:
    """Long flat streaks, lit from below."""
    u = stage.unit
    tint = (
        blended(stage.light.sky[-1], stage.light.glow, 0.35)
        if not stage.light.is_dark
        else blended(stage.light.sky[-1], stage.light.sky[2], 0.3)
    )
    for _ in range(int(stage.rng.integers(4, 7))):
        wide, thick = stage.rng.uniform(200, 560) * u, stage.rng.uniform(5, 15) * u
        x, y = stage.rng.uniform(-0.15, 0.95) * stage.width, stage.rng.uniform(0.12, 0.8) * rows
        stage.add(Drift(_streak(stage.rng, int(wide), thick, tint), x, y, by_x=stage.pace(stage.rng.uniform(4, 12))))


def _streak(rng: np.random.Generator, wide: int, thick: float, tint: Floats) -> Sprite:
    high = int(thick * 5)
    columns = np.linspace(0, 1, wide, dtype=np.float32)
    body = np.clip(np.sin(np.pi * columns), 0, 1) ** 0.7 * (0.62 + 0.38 * ridge_line(rng, wide, wide / 5, sharp=False))
    base = high * 0.72
    rows = np.arange(high, dtype=np.float32)[:, None]
    top = base - body[None, :] * thick * 2.2
    low = base + body[None, :] * thick * 0.5
    alpha = np.clip((rows - top) / 1.6, 0, 1) * np.clip((low - rows) / 1.6, 0, 1)
    return flat(tint, (alpha * 0.42).astype(np.float32))


def ridge(
    stage: Stage,
    top: float,
    rough: float,
    depth: float,
    speed: float,
    *,
    step: float,
    sharp: bool,
    mist: float = 0.0,
    below: float | None = None,
) -> tuple[Floats, float, float]:
    """A range of hills from `top` (share of the height) ± `rough`, `depth` 0 far to 1 near; returns its skyline, its place and its pace."""
    pace = stage.pace(speed)
    extra = int(abs(pace) * stage.seconds) + 8
    width = stage.width + extra
    bottom = stage.height if below is None else int(stage.y(below))
    line = ridge_line(stage.rng, width, step * stage.unit, sharp=sharp)
    origin = int(stage.y(top - rough)) // 2 * 2 - 2
    tops = stage.y(top) - origin + line * stage.y(rough)
    high = blended(stage.light.far, stage.light.near, depth)
    low = blended(high, colour(stage.light.near), 0.28)
    veil = blended(stage.light.sky[-1], stage.light.far, 0.35)
    sprite = ground(tops.astype(np.float32), bottom - origin, high, low, shade=0.22 if sharp else 0.12, mist=mist, mist_colour=veil)
    stage.add(Drift(sprite, 0.0, float(origin), by_x=-pace))
    return tops + origin, 0.0, -pace


def sea(stage: Stage) -> None:
    """Open water under a wide sky."""
    u, horizon = stage.unit, 0.56 if stage.width > stage.height else 0.6
    side = float(stage.rng.choice([0.3, 0.64, 0.7]))
    side = 0.36 if "lighthouse" in stage.plan.figures else side
    high = {"sunset": 0.09, "dawn": 0.12}.get(stage.plan.hour, 0.32)
    sky(stage, horizon, disc_at=(side, horizon - high), stars=170 if stage.light.is_dark else 0)
    figures.flock(stage, 0.3)
    ridge(stage, horizon - 0.012, 0.028, 0.12, 6, step=260, sharp=True, below=horizon)
    _surface(stage, horizon, side * stage.width, mirror=0.82)
    if stage.plan.figures & {"boat", "walkers"} or stage.rng.random() < 0.7:
        figures.sail(stage, horizon, u)
    if "lighthouse" in stage.plan.figures:
        figures.tower(stage)
    if "balloon" in stage.plan.figures:
        figures.balloons(stage)
    if "whale" in stage.plan.figures:
        figures.whales(stage, 0.72)


def _surface(stage: Stage, horizon: float, under: float, *, mirror: float, strength: float = 1.0, glitter: float = 1.0) -> None:
    light, canvas = stage.light, Canvas(stage.width, stage.height)
    row = int(stage.y(horizon)) // 2 * 2
    near = blended(light.near, light.sky[1], 0.35)
    far = blended(light.sky[-1], light.sky[1], 0.45)
    stage.add(Water.below(canvas, row, near, far, stage.unit, mirror=mirror, strength=strength))
    pale = blended(light.glow, "#ffffff", 0.35)
    scale = stage.width / 1280
    stage.add(Glitter.on(stage.rng, canvas, row, pale, stage.unit, centre=None, count=int(90 * scale * glitter), strength=0.3))
    if stage.plan.weather == "clear" and stage.plan.hour != "ink":
        stage.add(Glitter.on(stage.rng, canvas, row, colour(light.disc), stage.unit, centre=under, count=int(190 * glitter), strength=0.8))


def valley(stage: Stage) -> None:
    """Range behind range, mist between them, water at the foot."""
    tall = stage.height > stage.width
    side = float(stage.rng.uniform(0.6, 0.76))
    sky(stage, 0.62, disc_at=(side, 0.24), disc_size=42, stars=190 if stage.light.is_dark else 0)
    figures.flock(stage, 0.34)
    foot = 0.84
    tops, rough = (0.36, 0.46, 0.57, 0.68), (0.1, 0.1, 0.085, 0.07)
    for index in range(4):
        lift = 0.04 if tall else 0.0
        ridge(
            stage,
            tops[index] + lift,
            rough[index],
            index / 4 + 0.02,
            6 * (index + 1) - 2,
            step=330 - index * 30,
            sharp=True,
            mist=0.8,
            below=foot,
        )
        if index == 1 and "balloon" in stage.plan.figures:
            figures.balloons(stage)
    _surface(stage, foot, side * stage.width, mirror=0.75, strength=0.6, glitter=0.4)
    figures.sail(stage, foot - 0.01, stage.unit * 0.8)
    near = stage.pace(42)
    _trees(stage, 1.02, 0.2, 14, near, (0.9, 1.0))


def _trees(stage: Stage, foot: float, high: float, count: int, pace: float, depths: tuple[float, float]) -> None:
    """A row of conifers standing at `foot`, about `high` of the frame tall, thinner towards the middle."""
    tint = blended(stage.light.far, stage.light.near, float(stage.rng.uniform(*depths)))
    kinds = [pine(max(int(stage.y(high) * scale), 8), tint, stage.rng) for scale in (0.62, 0.8, 1.0)]
    span = stage.width + abs(pace) * stage.seconds
    for _ in range(count):
        spot = float(stage.rng.beta(0.45, 0.45))
        kind = kinds[int(stage.rng.integers(3))]
        tall, wide = kind.alpha.shape
        stage.add(Drift(kind, spot * span - wide / 2, stage.y(foot) - tall, by_x=-pace))


def desert(stage: Stage) -> None:
    """Dunes that fold over each other under a low sun."""
    side = float(stage.rng.uniform(0.6, 0.74))
    low = stage.plan.hour in ("sunset", "dawn")
    sky(stage, 0.64, disc_at=(side, 0.5 if low else 0.22), disc_size=54, stars=200 if stage.light.is_dark else 0)
    figures.flock(stage, 0.3)
    tops, roughs = (0.6, 0.68, 0.78, 0.9), (0.025, 0.045, 0.05, 0.045)
    warm = {"sunset": "#b4553a", "dawn": "#c99a7a", "day": "#dba765", "night": "#2a2c55"}.get(stage.plan.hour)
    for index in range(4):
        skyline = ridge(stage, tops[index], roughs[index], 0.08 + index * 0.27, 9 * index + 6, step=560, sharp=False)
        if index == 1:
            figures.caravan(stage, skyline)
        if index == 0 and "balloon" in stage.plan.figures:
            figures.balloons(stage)
    u = stage.unit
    sand = dots([1.2 * u, 1.8 * u, 2.6 * u], blended(stage.light.glow, stage.light.sky[-1], 0.4), strength=0.6)
    low_air = (-20.0, stage.y(0.6), stage.width + 40.0, stage.y(0.42))
    stage.add(falling(stage.rng, sand, 110, low_air, speed=(-6 * u, 16 * u), side=(90 * u, 240 * u), sway=10 * u, glimmer=0.9))
    if warm:
        veil = flat(colour(warm), np.full((int(stage.y(0.42)), stage.width), 0.16, np.float32))
        stage.add(Drift(veil, 0.0, float(int(stage.y(0.58)) // 2 * 2)))


def meadow(stage: Stage) -> None:
    """Soft hills, tall grass, something in the air."""
    u, light = stage.unit, stage.light
    sky(stage, 0.66, disc_at=(float(stage.rng.uniform(0.22, 0.78)), 0.34), disc_size=44, stars=200 if light.is_dark else 0)
    figures.flock(stage, 0.34)
    if stage.plan.figures & {"balloon"} or (stage.plan.hour in ("day", "dawn") and stage.plan.weather == "clear"):
        figures.balloons(stage)
    for index, (top, rough) in enumerate(((0.6, 0.05), (0.68, 0.06), (0.77, 0.05))):
        ridge(stage, top, rough, 0.15 + index * 0.24, 6 * index + 6, step=520, sharp=False, mist=0.25)
        if index == 1:
            _trees(stage, 0.75, 0.12, 9, stage.pace(15), (0.5, 0.62))
    ridge(stage, 0.9, 0.03, 0.86, 30, step=420, sharp=False)
    figures.grass(stage)
    if stage.plan.weather == "clear" and "fireflies" not in stage.plan.figures:
        motes = dots([1.6 * u, 2.4 * u, 3.4 * u], blended(light.glow, "#ffffff", 0.4), strength=0.7)
        box = (-20.0, stage.y(0.3), stage.width + 40.0, stage.y(0.7))
        stage.add(falling(stage.rng, motes, 50, box, speed=(-16 * u, 8 * u), side=(14 * u, 40 * u), sway=14 * u, glimmer=0.6))


def forest(stage: Stage) -> None:
    """Trunk behind trunk in the mist, light falling between them."""
    light, u = stage.light, stage.unit
    sky(stage, 0.9, disc_at=(float(stage.rng.uniform(0.4, 0.62)), 0.42), disc_size=60, stars=120 if light.is_dark else 0)
    ridge(stage, 0.66, 0.05, 0.1, 4, step=400, sharp=False, mist=0.5)
    for index in range(4):
        figures.trunks(stage, index)
        if index == 1:
            figures.shafts(stage)
        if index == 2:
            figures.fox(stage)
    cover = "#eef1f0" if stage.plan.weather == "snow" else None
    figures.floor(stage, cover)
    if stage.plan.weather == "clear" and "fireflies" not in stage.plan.figures:
        motes = dots([1.4 * u, 2.1 * u, 3.0 * u], blended(light.glow, "#ffffff", 0.5), strength=0.65)
        stage.add(
            falling(
                stage.rng,
                motes,
                60,
                (0.0, 0.0, float(stage.width), float(stage.height)),
                speed=(-9 * u, 14 * u),
                side=(-8 * u, 12 * u),
                sway=16 * u,
                glimmer=0.7,
            )
        )


def city(stage: Stage) -> None:
    """Houses behind houses, their windows lit, mirrored in a wet street or a river."""
    foot = 0.8
    sky(stage, 0.74, disc_at=(float(stage.rng.uniform(0.3, 0.7)), 0.3), disc_size=50, stars=80 if stage.light.is_dark else 0)
    for index in range(3):
        skyline(stage, index, foot)
    if "balloon" in stage.plan.figures:
        figures.balloons(stage)
    figures.lamps(stage, foot)
    if "tram" in stage.plan.figures:
        figures.tram(stage, foot)
    _surface(stage, foot, 0.5 * stage.width, mirror=0.86, strength=0.7, glitter=0.35)
    figures.traffic(stage, foot)


def skyline(stage: Stage, index: int, foot: float) -> None:
    """One row of houses; `index` 0 is the farthest."""
    u, rng = stage.unit, stage.rng
    pace = stage.pace((4, 10, 20)[index])
    width = stage.width + int(pace * stage.seconds) + 8
    top, wide = ((0.26, 62), (0.36, 92), (0.5, 130))[index]
    tint = blended(stage.light.far, stage.light.near, (0.15, 0.5, 0.86)[index])
    origin, bottom = int(stage.y(top)) // 2 * 2, int(stage.y(foot)) // 2 * 2 + 2
    tops = np.full(width, bottom - origin, np.float32)
    lit: list[tuple[float, float]] = []
    x = -int(rng.integers(40))
    while x < width:
        house = int(rng.uniform(0.6, 1.35) * wide * u)
        high = float(rng.beta(1.4, 1.9)) * (bottom - origin) * 0.72
        left, right = max(x, 0), min(x + house - int(rng.integers(0, 3)), width)
        tops[left:right] = high
        if rng.random() < 0.25 and right - left > 8:
            middle = (left + right) // 2
            tops[middle : middle + max(int(2 * u), 1)] = max(high - 34 * u, 0)
        step = (9 + 4 * index) * u
        lit += [
            (column, row)
            for column in np.arange(x + step * 0.7, x + house - step * 0.8, step)
            for row in np.arange(high + step * 0.8, bottom - origin - step, step * 1.45)
            if rng.random() < (0.42 if stage.light.is_dark or stage.plan.weather != "clear" else 0.12)
        ]
        x += house
    _houses(stage, tops, lit, tint, index, origin, bottom, pace)


def _houses(
    stage: Stage, tops: Floats, lit: list[tuple[float, float]], tint: Floats, index: int, origin: int, bottom: int, pace: float
) -> None:
    u, rng = stage.unit, stage.rng
    low = blended(tint, stage.light.sky[-2], 0.22)
    sprite = ground(tops, bottom - origin, tint, low)
    warm = [colour(text) for text in ("#ffd27a", "#ffe6b0", "#ffb35c", "#9fd8ff")]
    wide, high = max(int((3 + 1.4 * index) * u), 2), max(int((4 + 2 * index) * u), 2)
    flicker: list[tuple[float, float]] = []
    for column, row in lit:
        at_x, at_y = int(column), int(row)
        if 0 <= at_x < tops.shape[0] - wide and at_y > tops[at_x] + 2:
            if rng.random() < 0.07:
                flicker.append((column, row + origin))
                continue
            bright = blended(
                tint, warm[int(rng.choice(4, p=(0.45, 0.25, 0.2, 0.1)))], float(rng.uniform(0.45, 0.95)) * (0.55 + 0.22 * index)
            )
            sprite.rgb[at_y : at_y + high, at_x : at_x + wide] = bright
    stage.add(Drift(sprite, 0.0, float(origin), by_x=-pace))
    if flicker:
        spots = np.array(flicker)
        pane = flat(warm[0], np.full((high, wide), 0.9, np.float32))
        count = len(flicker)
        stage.add(Windows(pane, spots[:, 0], spots[:, 1], rng.uniform(1.5, 5, count), rng.uniform(0, 5, count), -pace))


def space(stage: Stage) -> None:
    """A planet over a foreign horizon."""
    u, rng = stage.unit, stage.rng
    sky(stage, 1.0, disc_at=None, stars=520)
    figures.nebula(stage)
    figures.planet(stage)
    figures.meteors(stage)
    ridge(stage, 0.84, 0.06, 0.45, 10, step=300, sharp=True, mist=0.35)
    ridge(stage, 0.94, 0.05, 0.9, 24, step=260, sharp=True)
    motes = lights([5 * u, 8 * u], colour("#d9c2ff"), 0.6)
    stage.add(
        falling(
            rng, motes, 16, (0.0, 0.0, float(stage.width), float(stage.height)), speed=(-8 * u, 8 * u), side=(-9 * u, -3 * u), glimmer=0.8
        )
    )


def under(stage: Stage) -> None:
    """Below the surface: rays from above, a whale or a shoal, the sea bed."""
    u, light, rng = stage.unit, stage.light, stage.rng
    picture = Canvas(stage.width, stage.height)
    fill(picture, np.repeat(gradient(light.sky, stage.height)[:, None, :], stage.width, axis=1), rng)
    stage.add(Backdrop(picture))
    figures.rays(stage)
    ridge(stage, 0.82, 0.05, 0.25, 8, step=300, sharp=False, mist=0.3)
    figures.shoal(stage, 0.34)
    if "whale" in stage.plan.figures or rng.random() < 0.6:
        figures.whales(stage, 0.5)
    ridge(stage, 0.93, 0.05, 0.85, 22, step=240, sharp=False)
    figures.weeds(stage)
    bubbles = dots([1.8 * u, 2.8 * u, 4.4 * u], colour("#d8fbf6"), strength=0.5)
    stage.add(falling(rng, bubbles, 70, (0.0, -20.0, float(stage.width), stage.height + 40.0), speed=(-80 * u, -40 * u), sway=9 * u))


PLACES: dict[str, Callable[[Stage], None]] = {
    "sea": sea,
    "valley": valley,
    "desert": desert,
    "meadow": meadow,
    "forest": forest,
    "city": city,
    "space": space,
    "under": under,
}

__all__ = ["Scene", "scene_of", "weather_of"]
