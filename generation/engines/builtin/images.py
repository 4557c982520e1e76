"""Still pictures: drawn from words, made over from a picture, or enlarged; each a PNG whose bytes depend on nothing but the request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from generation.engines.base import EngineOutput, EngineRequest, Rejected
from generation.engines.builtin.canvas import Canvas, Floats
from generation.engines.builtin.caption import draw_caption
from generation.engines.builtin.encode import NOTE
from generation.engines.builtin.finish import Finish, Look, share_of
from generation.engines.builtin.job import Ear, chance_of, input_of
from generation.engines.builtin.palette import Plan, gradient
from generation.engines.builtin.png import Told, write_png
from generation.engines.builtin.scene import scene_of, weather_of
from generation.engines.builtin.still import Planes, covering, opened
from generation.exceptions_media import PictureTooLarge
from generation.kinds import KINDS, SCALE, SIDE_MAX_PX, enlarged_size

SIDE_PX = 1024
SHOWN_S = 1.5
"""The second of a scene that stands still: birds and boats have moved in, weather has begun."""
SCENE_S = 2.0
STRENGTH = 0.7
SMALL_PX = 512
"""The width at which brush strokes are worked out."""
BUILT_SHARE, PAINTED_SHARE = 0.2, 0.4
"""How far the drawing of a picture is while its scene is built, and while it is painted."""
DRAWN_SHARE = 0.7
"""How much of a picture's work is done before its file is written."""
SHARPEST, SHARP = 95, 45
"""Percent of sharpening between which the models of an enlarged picture differ."""
MARGIN_PX = 6
"""Rows of the input beyond a band that its enlargement looks at."""
BAND_ROWS = 128

Painter = Callable[[EngineRequest, str, int, Told], Image.Image]


def pictures(painter: Painter, request: EngineRequest, prompt: str, workdir: Path, ear: Ear, begins: float) -> tuple[EngineOutput, ...]:
    """The pictures of one request as PNG files in `workdir`, in order: number n of a batch is what seed + n makes alone.

    Raises Rejected, Cancelled.
    """
    count = KINDS[request.kind].pictures(request.params)
    each = (99 - begins) / count
    return tuple(_picture(painter, request, prompt, workdir, ear, number, begins + each * number, each) for number in range(count))


def _picture(
    painter: Painter, request: EngineRequest, prompt: str, workdir: Path, ear: Ear, number: int, begins: float, each: float
) -> EngineOutput:
    path = workdir / f"output_{number}.png"
    ear.step(begins)
    seed = int(request.params.get("seed") or 0) + number
    image = painter(request, prompt, seed, lambda share: ear.step(begins + each * DRAWN_SHARE * share))
    texts = {"Software": "Atelier", "Comment": NOTE, "Title": prompt[:200]}
    write_png(path, image, texts, lambda share: ear.step(begins + each * (DRAWN_SHARE + (1 - DRAWN_SHARE) * share)))
    return EngineOutput(path, None, "image/png")


def size_of(request: EngineRequest, image: Image.Image | None = None) -> tuple[int, int]:
    """What was asked for in pixels; else as the given picture stands, its longer side at most 1024; else 1024 × 1024."""
    asked = (request.params.get("width"), request.params.get("height"))
    width, height = image.size if image is not None else (SIDE_PX, SIDE_PX)
    scale = min(1.0, SIDE_PX / max(width, height))
    return _eights(asked[0] or width * scale), _eights(asked[1] or height * scale)


def _eights(pixels: float) -> int:
    """The nearest multiple of 8, from 64 on."""
    return max(round(pixels / 8) * 8, 64)


def canvas_of(image: Image.Image) -> Canvas:
    """The RGB picture (even sides) as a canvas."""
    canvas = Canvas(*image.size)
    Planes.of_image(image).window(canvas, (0, 0, *image.size))
    return canvas


def rgb_of(canvas: Canvas) -> Image.Image:
    """The canvas as an RGB picture."""
    size = (canvas.width, canvas.height)
    y = (canvas.y.astype(np.float32) - 16) * np.float32(255 / 219)
    u, v = (_full(plane, size) for plane in (canvas.u, canvas.v))
    red = y + v * np.float32(1.5748)
    blue = y + u * np.float32(1.8556)
    green = (y - red * np.float32(0.2126) - blue * np.float32(0.0722)) / np.float32(0.7152)
    rgb = np.stack([red, green, blue], axis=2)
    return Image.fromarray(np.clip(np.rint(rgb), 0, 255).astype(np.uint8))


def _full(plane: np.ndarray, size: tuple[int, int]) -> Floats:
    """A halved chroma plane at full size, around zero."""
    wide = Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.BILINEAR)
    found: Floats = (np.asarray(wide, np.float32) - 128) * np.float32(255 / 224)
    return found


def captioned(canvas: Canvas) -> Image.Image:
    """The canvas as an RGB picture that says what made it."""
    draw_caption(canvas)
    return rgb_of(canvas)


def finish_of(request: EngineRequest, seed: int, width: int, height: int) -> Finish:
    """What the request's numbers and names do to a picture of that size."""
    return Finish(Look.of(request.kind, request.alias, request.params, seed), width, height)


def drawn_scene(request: EngineRequest, prompt: str, width: int, height: int, rng: np.random.Generator, told: Told) -> tuple[Canvas, Plan]:
    """The scene that the words ask for, standing still, not yet finished."""
    avoided = str(request.params.get("negative_prompt") or "")
    scene, plan = scene_of(prompt, width=width, height=height, seconds=SCENE_S, rng=rng, avoided=avoided, hear=lambda: told(BUILT_SHARE))
    canvas = Canvas(width, height)
    scene.paint(canvas, SHOWN_S, lambda: told(PAINTED_SHARE))
    return canvas, plan


def text2img(request: EngineRequest, prompt: str, seed: int, told: Told) -> Image.Image:
    """The picture of prompt, seed, size and what else the request says."""
    width, height = size_of(request)
    canvas, _ = drawn_scene(request, prompt, width, height, chance_of("text2img", prompt, seed, width, height), told)
    told(0.6)
    finish_of(request, seed, width, height).apply(canvas)
    told(0.9)
    return captioned(canvas)


def img2img(request: EngineRequest, prompt: str, seed: int, told: Told) -> Image.Image:
    """The given picture painted over in the light, weather and place that the words ask for, the more the greater strength × denoise."""
    given = opened(input_of(request, "image"))
    width, height = size_of(request, given)
    rng = chance_of("img2img", prompt, seed, width, height)
    strength, denoise = (_number(request, name, usual) for name, usual in (("strength", STRENGTH), ("denoise", 1.0)))
    base = covering(given, width, height)
    share = strength * denoise
    if share <= 0:
        return base
    scene, plan = drawn_scene(request, prompt, width, height, rng, told)
    brushed = _toned(_brushed(base), plan)
    told(0.5)
    painted = canvas_of(Image.blend(brushed, rgb_of(scene), 0.45 * share))
    for element in weather_of(plan, rng, width, height):
        element.draw(painted, 1.0)
    told(0.6)
    made_over(request, seed, width, height).apply(painted)
    told(0.8)
    return captioned(canvas_of(Image.blend(base, rgb_of(painted), share)))


def made_over(request: EngineRequest, seed: int, width: int, height: int) -> Finish:
    """The finish of a picture that keeps its sides and is not dissolved: its denoising is how much of it is new."""
    return Finish(Look.of(request.kind, request.alias, {**request.params, "denoise": 1.0}, seed), width, height, may_mirror=False)


def _number(request: EngineRequest, name: str, usual: float) -> float:
    asked = request.params.get(name)
    return usual if asked is None else float(asked)


def _brushed(image: Image.Image) -> Image.Image:
    """Flat strokes of the colours that were there, their edges drawn a little darker."""
    small = image.copy()
    small.thumbnail((SMALL_PX, SMALL_PX), Image.Resampling.BILINEAR)
    strokes = small.filter(ImageFilter.ModeFilter(5)).resize(image.size, Image.Resampling.BICUBIC)
    return ImageEnhance.Contrast(strokes).enhance(1.15).filter(ImageFilter.EDGE_ENHANCE)


def _toned(image: Image.Image, plan: Plan) -> Image.Image:
    """The picture's own light and shade in the colours of the plan's hour, near (dark) to sky (bright)."""
    light = plan.light
    shades = gradient((light.near, light.far, light.sky[-1], light.disc), 256)
    grey = np.asarray(image.convert("L"))
    toned = Image.fromarray(np.clip(shades[grey], 0, 255).astype(np.uint8))
    return Image.blend(image, toned, 0.6)


def upscale(request: EngineRequest, prompt: str, seed: int, told: Told) -> Image.Image:
    """The given picture two or four times as large, its edges kept sharp, by the model more or less. Raises Rejected beyond our limits."""
    factor = int(request.params.get("scale_factor") or SCALE)
    given = opened(input_of(request, "image"), SIDE_MAX_PX)
    try:
        size = enlarged_size(given.width, given.height, factor)
    except PictureTooLarge as error:
        raise Rejected(error.message) from error
    percent = round(SHARP + (SHARPEST - SHARP) * share_of("upscale", request.alias))
    large = Image.new("RGB", size)
    for top in range(0, given.height, BAND_ROWS):
        large.paste(_enlarged(given, top, factor, percent), (0, top * factor))
        told(top / given.height)
    return large


def _enlarged(image: Image.Image, top: int, factor: int, percent: int) -> Image.Image:
    """The band of rows from `top` on, as if the whole picture had been enlarged at once."""
    bottom = min(top + BAND_ROWS, image.height)
    first, last = max(top - MARGIN_PX, 0), min(bottom + MARGIN_PX, image.height)
    part = image.crop((0, first, image.width, last))
    large = part.resize((image.width * factor, part.height * factor), Image.Resampling.LANCZOS)
    sharp = large.filter(ImageFilter.UnsharpMask(radius=factor, percent=percent, threshold=2))
    return sharp.crop((0, (top - first) * factor, sharp.width, (bottom - first) * factor))
