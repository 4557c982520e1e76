"""A figure drawn in a scene, standing as the one in a given picture stands."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from generation.engines.base import EngineRequest
from generation.engines.builtin.canvas import Floats
from generation.engines.builtin.images import canvas_of, captioned, drawn_scene, made_over, rgb_of, size_of
from generation.engines.builtin.job import chance_of, input_of
from generation.engines.builtin.palette import blended, colour
from generation.engines.builtin.png import Told
from generation.engines.builtin.still import opened

LOOK_PX = 512
"""The longer side at which the figure is looked for."""
BORDER_PX, RIM_PX = 4, 2
FOUND_FROM, FOUND_TO = 0.004, 0.75
"""The share of a picture that a figure covers; anything else is no figure."""
CUT_OFF_MAX = 0.12
"""The share of a picture's border that a figure may touch."""
MARGIN = 0.06
ARM, ARM_LOW, ARM_HIGH = 0.36, 12, 142
"""How long the arms of a figure that nobody gave are, and between which angles from the ground (degrees) they hang or rise."""
ASTRIDE = 0.14
TINTS = {
    "#c8371d": r"\bred\b|红",
    "#2f6fb0": r"\bblue\b|蓝",
    "#2f8f5a": r"\bgreen\b|绿",
    "#e8b33d": r"yellow|gold|黄|金",
    "#7a3b8e": r"purple|violet|紫",
    "#e88aa8": r"\bpink\b|粉",
    "#f2efe6": r"\bwhite\b|白",
    "#22232b": r"\bblack\b|黑",
}
USUAL = ("#c8371d", "#2f6fb0", "#e8b33d", "#2f8f5a", "#7a3b8e")


def pose(request: EngineRequest, prompt: str, seed: int, told: Told) -> Image.Image:
    """The scene that the words ask for, and in it a figure with the shape of the given picture's; the more, the stronger the control."""
    width, height = size_of(request)
    rng = chance_of("pose", prompt, seed, width, height)
    strength = request.params.get("control_strength")
    strength = 1.0 if strength is None else float(strength)
    control = str(request.params.get("control_type") or "openpose")
    shape = placed(shape_of(opened(input_of(request, "image"), LOOK_PX), control), width, height)
    canvas, plan = drawn_scene(request, prompt, width, height, rng, told)
    told(0.6)
    lines = shape.filter(ImageFilter.FIND_EDGES).filter(ImageFilter.MaxFilter(3))
    figure = _clothed(shape, _tint(prompt, rng), blended(plan.light.near, "#000000", 0.3), is_deep=control == "depth")
    told(0.7)
    whole = canvas_of(_set_in(rgb_of(canvas), figure, shape, lines, strength))
    told(0.8)
    made_over(request, seed, width, height).apply(whole)
    told(0.9)
    return captioned(whole)


def shape_of(image: Image.Image, control: str) -> Image.Image:
    """Where the figure of the picture is, white on black: what stands out from the colours of its border.

    "openpose" makes the thin limbs of a skeleton thick, "canny" fills the outlines it sees. A picture without a figure gives
    its outlines to "canny", and else a figure that simply stands.
    """
    image = ImageOps.contain(image, (LOOK_PX, LOOK_PX), Image.Resampling.BICUBIC)
    found = _standing_out(image)
    if control == "openpose":
        found = found.filter(ImageFilter.MaxFilter(_odd(max(image.size) / 28)))
    elif control == "canny":
        found = found.filter(ImageFilter.MaxFilter(7)).filter(ImageFilter.MinFilter(7))
    if _is_figure(found):
        return _rounded(found)
    outlines = _outlines(image)
    return outlines if control == "canny" and outlines.getbbox() else _standing(image)


def _is_figure(shape: Image.Image) -> bool:
    """Neither next to nothing nor nearly all, and cut off by the border in few places."""
    white = np.asarray(shape) > 0
    border = np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]])
    return FOUND_FROM <= float(white.mean()) <= FOUND_TO and float(border.mean()) <= CUT_OFF_MAX


def _rounded(shape: Image.Image) -> Image.Image:
    """The shape without corners and stairs."""
    soft = shape.filter(ImageFilter.GaussianBlur(LOOK_PX / 100))
    return soft.point([min(max((level - 100) * 5, 0), 255) for level in range(256)])


def _outlines(image: Image.Image) -> Image.Image:
    """The lines at which brightness changes, white on black, thick enough to be seen."""
    if min(image.size) <= 2 * RIM_PX:
        return Image.new("L", image.size, 0)
    edges = image.convert("L").filter(ImageFilter.GaussianBlur(1)).filter(ImageFilter.FIND_EDGES)
    lines = edges.point([255 if level > 32 else 0 for level in range(256)])
    inner = Image.new("L", lines.size, 0)
    inner.paste(lines.crop((RIM_PX, RIM_PX, lines.width - RIM_PX, lines.height - RIM_PX)), (RIM_PX, RIM_PX))
    return inner.filter(ImageFilter.MaxFilter(3))


def _standing_out(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    edge = BORDER_PX
    border = np.concatenate([pixels[:edge].reshape(-1, 3), pixels[-edge:].reshape(-1, 3), pixels[:, :edge].reshape(-1, 3)])
    far = np.abs(pixels - np.median(border, axis=0)).max(axis=2)
    cut = max(_parting(far), 24.0)
    return Image.fromarray(((far > cut) * 255).astype(np.uint8)).filter(ImageFilter.MedianFilter(3))


def _parting(values: Floats) -> float:
    """The value that parts a picture's values best into low and high ones (Otsu's way)."""
    counts, _ = np.histogram(values, 256, (0, 256))
    levels = np.arange(256)
    low = np.cumsum(counts)
    mass = np.cumsum(counts * levels)
    high = low[-1] - low
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = low * high * (mass / low - (mass[-1] - mass) / high) ** 2
    return float(np.argmax(np.nan_to_num(apart)))


def _standing(image: Image.Image) -> Image.Image:
    """A figure in the middle; it lifts its arms and sets its feet apart the more, the brighter the picture is on that side."""
    width, height = image.size
    light = np.asarray(image.convert("L").resize((2, 2), Image.Resampling.BOX), np.float32) / 255
    sheet, unit = Image.new("L", image.size, 0), min(height * 0.9, width * 1.8)
    draw, middle, top = ImageDraw.Draw(sheet), width / 2, (height - unit) / 2

    def at(x: float, y: float) -> tuple[float, float]:
        return middle + x * unit, top + y * unit

    draw.ellipse([at(-0.07, 0.0), at(0.07, 0.15)], fill=255)
    draw.polygon([at(-0.1, 0.17), at(0.1, 0.17), at(0.09, 0.62), at(-0.09, 0.62)], fill=255)
    for place, side in ((0, -1), (1, 1)):
        foot = 0.1 + ASTRIDE * float(light[1, place])
        draw.polygon([at(side * 0.09, 0.5), at(0, 0.6), at(side * (foot - 0.05), 1.0), at(side * (foot + 0.05), 1.0)], fill=255)
        lifted = np.deg2rad(ARM_LOW + (ARM_HIGH - ARM_LOW) * float(light[0, place]) ** 1.5)
        hand = at(side * (0.09 + ARM * float(np.sin(lifted))), 0.19 + ARM * float(np.cos(lifted)))
        draw.line([at(side * 0.09, 0.19), hand], fill=255, width=max(round(unit * 0.055), 1))
    return sheet


def placed(shape: Image.Image, width: int, height: int) -> Image.Image:
    """The shape as large as the frame (with a margin) lets it be, upright as it was, standing in the middle."""
    room = (round(width * (1 - 2 * MARGIN)), round(height * (1 - 2 * MARGIN)))
    figure = ImageOps.contain(shape.crop(shape.getbbox()), room, Image.Resampling.BICUBIC)
    sheet = Image.new("L", (width, height), 0)
    sheet.paste(figure, ((width - figure.width) // 2, round(height * (1 - MARGIN)) - figure.height))
    return sheet


def _tint(prompt: str, rng: np.random.Generator) -> Floats:
    """The colour that the words name for it, or one by lot."""
    by_lot = USUAL[int(rng.integers(len(USUAL)))]
    return colour(next((tint for tint, words in TINTS.items() if re.search(words, prompt, re.IGNORECASE)), by_lot))


def _clothed(shape: Image.Image, tint: Floats, dark: Floats, *, is_deep: bool) -> Image.Image:
    """The figure's colours: skin above, cloth below, rounder towards its middle; "depth" rounds more."""
    width, height = shape.size
    _, top, _, bottom = shape.getbbox() or (0, 0, width, height)
    down = np.clip((np.arange(height, dtype=np.float32) - top) / max(bottom - top, 1), 0, 1)[:, None, None]
    skin = colour("#e7b98f")
    rgb = np.where(down < 0.16, skin, tint * (1 - 0.35 * down))
    inside = np.asarray(shape.filter(ImageFilter.GaussianBlur(max(width, height) / 40)), np.float32)[..., None] / 255
    round_by = 0.75 if is_deep else 0.45
    shaded = rgb * (1 - round_by * (1 - inside)) + dark * round_by * (1 - inside)
    return Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8))


def _set_in(ground: Image.Image, figure: Image.Image, shape: Image.Image, lines: Image.Image, strength: float) -> Image.Image:
    """Up to 1 the strength is how solid the figure is; beyond it its outline is drawn as well."""
    solid, drawn = min(strength, 1.0), max(strength - 1.0, 0.0)
    soft = shape.filter(ImageFilter.GaussianBlur(0.8))
    ground.paste(figure, mask=soft.point([round(level * solid) for level in range(256)]))
    outline = ImageChops.darker(lines, soft).point([round(level * drawn) for level in range(256)])
    ground.paste(Image.new("RGB", ground.size, "#fff6dc"), mask=outline)
    return ground


def _odd(size: float) -> int:
    return max(int(size) // 2 * 2 + 1, 3)
