"""How a picture is finished: what the numbers and names of a request do to every frame, once the words have decided what is on it."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from generation.engines.builtin.canvas import Bytes, Canvas, Floats, Words
from generation.engines.builtin.texture import texture

STEPS, SHARP_FROM = 30, 16
"""The usual number of steps, and the number from which a picture is no longer soft."""
SHARPER_BY_DOUBLE = 22
"""Percent of sharpening that each doubling of the steps adds beyond `SHARP_FROM`."""
SOFTEST = 0.022
"""Radius of the softening at one step, as a share of the shorter side."""
NOISE = 34.0
"""Steps of brightness of the chance that is left in a picture of one step."""
CFG_SCALE = 7.5
NEUTRAL_CFG_SCALE = {"img2video": 2.5}
"""The prompt weight at which colours stay as they are, where it is not 7.5."""
GIVEN = frozenset({"img2video"})
GIVEN_WEIGHT = 0.3
"""Kinds whose picture is the client's own, and how much of a model's colours it takes on."""
TURN_MODEL, TURN_SEED, TURN_AVOIDED = 0.3, 0.16, 0.1
"""Radians that the colours turn at most by model, seed and negative prompt."""
TONING = 9.0
SAMPLER, SCHEDULER = "euler", "normal"

COLOURS = {
    r"\bred\b|红": (-38.0, 110.0),
    r"orange|橙": (-70.0, 60.0),
    r"yellow|gold|黄|金": (-110.0, 8.0),
    r"green|绿": (-50.0, -60.0),
    r"\bblue\b|cyan|蓝|青": (100.0, -40.0),
    r"purple|violet|紫": (60.0, 50.0),
    r"pink|magenta|粉": (30.0, 70.0),
}
"""Words of a negative prompt → the direction (u, v) of the colour that is taken out."""
CLEARER = re.compile(r"blur|soft|out of focus|low quality|lowres|模糊|低质|低清", re.IGNORECASE)
SMOOTHER = re.compile(r"grain|nois[ey]|texture|噪|颗粒", re.IGNORECASE)
LIGHTER = re.compile(r"\bdark|underexposed|gloomy|暗|黑", re.IGNORECASE)
DARKER = re.compile(r"bright|overexposed|washed|过曝|太亮|亮", re.IGNORECASE)
PALER = re.compile(r"saturat|colou?rful|garish|鲜艳|艳丽|过饱和", re.IGNORECASE)
RICHER = re.compile(r"gr[ea]y|monochrome|dull|black and white|黑白|灰|单调", re.IGNORECASE)


def share_of(*told: Any) -> float:
    """A number from 0 to 1 that is the same for the same words in every process."""
    digest = hashlib.sha256("\0".join(map(str, told)).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


@dataclass(frozen=True, slots=True)
class Look:
    """What a request asks for beside its words."""

    steps: float
    cfg: float
    """Doublings of the prompt weight above (or below) the usual one."""
    model: str
    sampler: str
    scheduler: str
    avoided: str
    denoise: float
    weight: float
    seed: int

    @classmethod
    def of(cls, kind: str, alias: str, params: Mapping[str, Any], seed: int) -> Look:
        """The look that a request's parameters describe; what is missing is as usual."""
        neutral = NEUTRAL_CFG_SCALE.get(kind, CFG_SCALE)
        asked = params.get("cfg_scale")
        denoise = params.get("denoise")
        return cls(
            steps=float(params.get("steps") or STEPS),
            cfg=math.log2(((neutral if asked is None else float(asked)) + 1) / (neutral + 1)),
            model=alias,
            sampler=str(params.get("sampler") or SAMPLER),
            scheduler=str(params.get("scheduler") or SCHEDULER),
            avoided=str(params.get("negative_prompt") or ""),
            denoise=1.0 if denoise is None else float(denoise),
            weight=GIVEN_WEIGHT if kind in GIVEN else 1.0,
            seed=seed,
        )


class Finish:
    """The same finish for every frame of one size: focus by steps, tone by scheduler, colours by model, grain by sampler."""

    def __init__(self, look: Look, width: int, height: int, *, may_mirror: bool = True) -> None:
        self._look, self._short = look, min(width, height)
        self._is_mirrored = may_mirror and look.weight == 1.0 and share_of("mirror", look.seed) < 0.5
        self._tone = _tone(look)
        self._turn = _turn(look)
        self._tint = _tint(look)
        self._removed = [_unit(told) for words, told in COLOURS.items() if re.search(words, look.avoided, re.IGNORECASE)]
        self._shade, self._grain = _shade(look, width, height), _grain(look, width, height)

    def apply(self, canvas: Canvas) -> None:
        """The canvas is finished; the line that says what made it is drawn afterwards."""
        if self._is_mirrored:
            for plane in (canvas.y, canvas.u, canvas.v):
                plane[...] = plane[:, ::-1].copy()
        self._dissolve(canvas)
        self._focus(canvas)
        self._colour(canvas)
        lit = (self._tone[canvas.y] * self._shade) >> 8
        canvas.y[...] = np.clip(lit.astype(np.int16) + self._grain, 16, 235)

    def _dissolve(self, canvas: Canvas) -> None:
        """What was not denoised stays a field of soft colours."""
        if self._look.denoise >= 1:
            return
        for plane in (canvas.y, canvas.u, canvas.v):
            image = Image.fromarray(plane)
            wide, high = (max(side // 40, 3) for side in image.size)
            field = image.resize((wide, high), Image.Resampling.BOX).resize((3, 4), Image.Resampling.BOX)
            plane[...] = np.asarray(Image.blend(field.resize(image.size, Image.Resampling.BICUBIC), image, self._look.denoise))

    def _focus(self, canvas: Canvas) -> None:
        """Few steps leave a picture soft, many draw its edges sharply."""
        softness = max(1 - (self._look.steps - 1) / (SHARP_FROM - 1), 0.0)
        clearer = 30 if CLEARER.search(self._look.avoided) else 0
        percent = round(max(math.log2(self._look.steps / SHARP_FROM), 0) * SHARPER_BY_DOUBLE) + clearer
        if softness:
            radius = softness**1.5 * SOFTEST * self._short
            for plane, part in ((canvas.y, 1.0), (canvas.u, 0.5), (canvas.v, 0.5)):
                plane[...] = np.asarray(Image.fromarray(plane).filter(ImageFilter.GaussianBlur(radius * part)))
        if percent:
            plane = canvas.y
            plane[...] = np.asarray(Image.fromarray(plane).filter(ImageFilter.UnsharpMask(1.4, percent, 1)))

    def _colour(self, canvas: Canvas) -> None:
        u, v = canvas.u.astype(np.float32) - 128, canvas.v.astype(np.float32) - 128
        for along in self._removed:
            much = np.maximum(u * along[0] + v * along[1], 0) * np.float32(0.9)
            u, v = u - much * along[0], v - much * along[1]
        same, cross = self._turn
        light = canvas.y[::2, ::2]
        canvas.u[...] = _chroma(u * same - v * cross + self._tint[0][light])
        canvas.v[...] = _chroma(u * cross + v * same + self._tint[1][light])


def _chroma(values: Floats) -> Bytes:
    found: Bytes = np.clip(np.rint(values + 128), 16, 240).astype(np.uint8)
    return found


def _unit(told: tuple[float, float]) -> tuple[np.float32, np.float32]:
    length = math.hypot(*told)
    return np.float32(told[0] / length), np.float32(told[1] / length)


def _tone(look: Look) -> Words:
    """Luma before → luma after: contrast by prompt weight, brightness by scheduler and by what is to be avoided."""
    gamma = 1.0 if look.scheduler == SCHEDULER else 0.8 + 0.44 * share_of("gamma", look.scheduler)
    gamma *= (0.82 if LIGHTER.search(look.avoided) else 1) * (1.2 if DARKER.search(look.avoided) else 1)
    level = np.clip((np.arange(256) - 16) / 219, 0, 1) ** gamma
    contrast = 1.13**look.cfg
    level = np.clip(0.46 + (level - 0.46) * contrast, 0, 1)
    found: Words = np.rint(16 + level * 219).astype(np.uint16)
    return found


def _turn(look: Look) -> tuple[np.float32, np.float32]:
    """How the colours turn and how strong they become, as the two numbers of a turning matrix."""
    angle = TURN_MODEL * look.weight * (share_of("model", look.model) * 2 - 1)
    if look.weight == 1.0:
        angle += TURN_SEED * (share_of("seed", look.seed) * 2 - 1)
    if look.avoided:
        angle += TURN_AVOIDED * look.weight * (share_of("avoided", look.avoided) * 2 - 1)
    strength = 1.33**look.cfg * (0.72 if PALER.search(look.avoided) else 1) * (1.3 if RICHER.search(look.avoided) else 1)
    return np.float32(math.cos(angle) * strength), np.float32(math.sin(angle) * strength)


def _tint(look: Look) -> tuple[Floats, Floats]:
    """Luma → what is added to the colours: a model's own tint in the shadows, its opposite in the lights."""
    angle = 2 * math.pi * share_of("tint", look.model)
    amount = TONING * look.weight * (0.4 + 0.6 * share_of("toning", look.model))
    lean = (0.5 - np.clip((np.arange(256) - 16) / 219, 0, 1)).astype(np.float32) * np.float32(2 * amount)
    return lean * np.float32(math.cos(angle)), lean * np.float32(math.sin(angle))


def _shade(look: Look, width: int, height: int) -> Words:
    """256ths of the light that reach each place: some schedulers leave the corners darker."""
    dark = 0.0 if look.scheduler == SCHEDULER else 0.12 + 0.34 * share_of("corners", look.scheduler)
    across, down = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    far = (across[None, :] ** 2 + down[:, None] ** 2) / 2
    found: Words = np.rint((1 - np.float32(dark) * far**1.4) * 256).astype(np.uint16)
    return found


def _grain(look: Look, width: int, height: int) -> np.ndarray:
    """What is added to the light of each place: the sampler's texture, and the chance that few steps leave."""
    amount = 0.0 if SMOOTHER.search(look.avoided) else look.weight
    share = 0.0 if look.sampler == SAMPLER else share_of("texture", look.sampler)
    found = texture(look.sampler, share, width, height) * np.float32(amount)
    left = max(1 - (look.steps - 1) / (SHARP_FROM - 1), 0.0)
    if left:
        rng = np.random.default_rng(look.seed)
        found = found + (rng.random((height, width), np.float32) - 0.5) * np.float32(amount * NOISE * left**1.5)
    whole: np.ndarray = np.rint(found).astype(np.int16)
    return whole
