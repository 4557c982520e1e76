"""Still pictures: drawn from words, made over from a picture, or enlarged; each a PNG whose bytes depend on nothing but the request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter
from PIL.PngImagePlugin import PngInfo

from generation.engines.base import EngineOutput, EngineRequest, Rejected
from generation.engines.builtin.canvas import Canvas, Floats
from generation.engines.builtin.caption import draw_caption
from generation.engines.builtin.encode import NOTE
from generation.engines.builtin.job import Ear, chance_of, input_of
from generation.engines.builtin.palette import Plan, gradient
from generation.engines.builtin.scene import scene_of, weather_of
from generation.engines.builtin.still import Planes, covering, opened
from generation.kinds import KINDS
from generation.media.probe import PIXELS_MAX, SIDE_MAX_PX

SIDE_PX = 1024
SHOWN_FRAME = 36
"""The frame of a scene that stands still: birds and boats have moved in, weather has begun."""
SCENE_S = 2.0
STRENGTH = 0.7
SCALE = 2
COMPRESSION = 4
SMALL_PX = 512
"""The width at which brush strokes are worked out."""

Painter = Callable[[EngineRequest, str, int], Image.Image]


def pictures(painter: Painter, request: EngineRequest, prompt: str, workdir: Path, ear: Ear, begins: float) -> tuple[EngineOutput, ...]:
    """The pictures of one request as PNG files in `workdir`, in order: number n of a batch is what seed + n makes alone.

    Raises Rejected, Cancelled.
    """
    count = KINDS[request.kind].pictures(request.params)
    found = []
    for number in range(count):
        ear.step(begins + (99 - begins) * number / count)
        path = workdir / f"output_{number}.png"
        image = painter(request, prompt, int(request.params.get("seed") or 0) + number)
        image.save(path, "PNG", compress_level=COMPRESSION, pnginfo=_said(prompt))
        found.append(EngineOutput(path, None, "image/png"))
    return tuple(found)


def _said(prompt: str) -> PngInfo:
    info = PngInfo()
    info.add_text("Software", "Atelier")
    info.add_itxt("Comment", NOTE)
    info.add_itxt("Title", prompt[:200])
    return info


def size_of(request: EngineRequest, image: Image.Image | None = None) -> tuple[int, int]:
    """What was asked for in pixels; else as the given picture stands, its longer side at most 1024; else 1024 × 1024."""
    asked = (request.params.get("width"), request.params.get("height"))
    width, height = image.size if image is not None else (SIDE_PX, SIDE_PX)
    scale = min(1.0, SIDE_PX / max(width, height))
    return _eights(asked[0] or width * scale), _eights(asked[1] or height * scale)


def _eights(pixels: float) -> int:
    """The nearest multiple of 8, from 64 on."""
    return max(round(pixels / 8) * 8, 64)


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


def drawn_scene(prompt: str, width: int, height: int, rng: np.random.Generator) -> tuple[Canvas, Plan]:
    """The scene that the words ask for, standing still."""
    scene, plan = scene_of(prompt, width=width, height=height, seconds=SCENE_S, rng=rng)
    canvas = Canvas(width, height)
    scene.draw(canvas, SHOWN_FRAME)
    return canvas, plan


def text2img(request: EngineRequest, prompt: str, seed: int) -> Image.Image:
    """The picture of prompt, seed and size."""
    width, height = size_of(request)
    canvas, _ = drawn_scene(prompt, width, height, chance_of("text2img", prompt, seed, width, height))
    return rgb_of(canvas)


def img2img(request: EngineRequest, prompt: str, seed: int) -> Image.Image:
    """The given picture painted over in the light, weather and place that the words ask for, the more the greater the strength."""
    given = opened(input_of(request, "image"))
    width, height = size_of(request, given)
    rng = chance_of("img2img", prompt, seed, width, height)
    asked = request.params.get("strength")
    strength = STRENGTH if asked is None else float(asked)
    base = covering(given, width, height)
    if strength <= 0:
        return base
    scene, plan = drawn_scene(prompt, width, height, rng)
    painted = Image.blend(_toned(_brushed(base), plan), rgb_of(scene), 0.45 * strength)
    mixed = Image.blend(base, painted, strength)
    return _weathered(mixed, plan, rng)


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


def _weathered(image: Image.Image, plan: Plan, rng: np.random.Generator) -> Image.Image:
    """Rain or snow in front if the words ask for it, and the line that says what made it."""
    canvas = Canvas(*image.size)
    Planes.of_image(image).window(canvas, (0, 0, *image.size))
    for element in weather_of(plan, rng, *image.size):
        element.draw(canvas, 1.0)
    draw_caption(canvas)
    return rgb_of(canvas)


def upscale(request: EngineRequest, prompt: str, seed: int) -> Image.Image:
    """The given picture two or four times as large, its edges kept sharp. Raises Rejected beyond 8192 px a side or 50 megapixels."""
    factor = int(request.params.get("scale_factor") or SCALE)
    given = opened(input_of(request, "image"), SIDE_MAX_PX)
    width, height = given.width * factor, given.height * factor
    if max(width, height) > SIDE_MAX_PX or width * height > PIXELS_MAX:
        raise Rejected(f"The result would be larger than {SIDE_MAX_PX} pixels a side or {PIXELS_MAX // 1_000_000} megapixels.")
    large = given.resize((width, height), Image.Resampling.LANCZOS)
    return large.filter(ImageFilter.UnsharpMask(radius=factor, percent=60, threshold=2))
