"""What the generating endpoints take (002 §5, §6): every parameter with its default, its limit from the kind itself."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from config.contracts.stargraph.fields import (
    PromptField,
    StrictBooleanField,
    StrictCharField,
    StrictChoiceField,
    StrictIntegerField,
    StrictNumberField,
)
from generation.api.stargraph import words
from generation.kinds import DRAWN, FILMED, KINDS

PROMPT_MAX = 5000
MODEL_MAX = 60
ADDRESS_MAX = 2000
CLIENT_MAX = 128
LIMITS = {**DRAWN, **FILMED}


def snake(name: str) -> str:
    """`cfgScale` → `cfg_scale`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def camel(name: str) -> str:
    """`cfg_scale` → `cfgScale`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _whole(name: str, default: int) -> StrictIntegerField:
    limit = LIMITS[snake(name)]
    return StrictIntegerField(min_value=int(limit.low), max_value=int(limit.high), step=limit.step, default=default)


def _number(name: str, default: float) -> StrictNumberField:
    limit = LIMITS[snake(name)]
    return StrictNumberField(min_value=limit.low, max_value=limit.high, default=default)


def _text(most: int, default: str = "") -> StrictCharField:
    return StrictCharField(max_length=most, allow_blank=True, default=default)


def _image(most: int | None) -> StrictCharField:
    return StrictCharField(max_length=most, allow_blank=True, allow_null=True, required=False)


class _Client(serializers.Serializer[Any]):
    clientId = StrictCharField(max_length=CLIENT_MAX, allow_blank=True, required=False, help_text="Comes back with the answer.")


class _Drawn(_Client):
    """What every picture or video drawn from a seed takes."""

    prompt = PromptField(max_length=PROMPT_MAX)
    negativePrompt = _text(PROMPT_MAX)
    seed = _whole("seed", -1)


class _Sampled(_Drawn):
    sampler = StrictChoiceField(choices=words.SAMPLERS, default="euler")
    scheduler = StrictChoiceField(choices=words.SCHEDULERS, default="normal")
    denoise = _number("denoise", 1.0)
    batchSize = _whole("batchSize", 1)


class Text2ImgInput(_Sampled):
    modelName = StrictCharField(max_length=MODEL_MAX, default=KINDS["text2img"].model)
    width = _whole("width", 1024)
    height = _whole("height", 1024)
    steps = _whole("steps", 30)
    cfgScale = _number("cfgScale", 7.5)


class Img2ImgInput(_Sampled):
    imageBase64 = _image(None)
    imageUrl = _image(ADDRESS_MAX)
    strength = _number("strength", 0.7)
    modelName = StrictCharField(max_length=MODEL_MAX, default=KINDS["img2img"].model)
    width = _whole("width", 512)
    height = _whole("height", 512)
    steps = _whole("steps", 20)
    cfgScale = _number("cfgScale", 7)


class UpscaleInput(_Client):
    imageBase64 = _image(None)
    imageUrl = _image(ADDRESS_MAX)
    scaleFactor = StrictIntegerField(min_value=2, max_value=4, step=2, default=2, help_text="2 or 4.")
    model = StrictCharField(max_length=MODEL_MAX, default=KINDS["upscale"].model)


class PoseInput(_Sampled):
    poseImageBase64 = _image(None)
    poseImageUrl = _image(ADDRESS_MAX)
    controlType = StrictChoiceField(choices=words.CONTROLS, default="openpose")
    controlStrength = _number("controlStrength", 1.0)
    modelName = StrictCharField(max_length=MODEL_MAX, default=KINDS["pose"].model)
    width = _whole("width", 512)
    height = _whole("height", 768)
    steps = _whole("steps", 20)
    cfgScale = _number("cfgScale", 7)


class _Filmed(_Drawn):
    duration = _whole("duration", 4)
    fps = _whole("fps", 8)
    motionBucketId = _whole("motionBucketId", 127)
    steps = _whole("steps", 25)


class Text2VideoInput(_Filmed):
    modelName = StrictCharField(max_length=MODEL_MAX, default=KINDS["text2video"].model)
    width = _whole("width", 512)
    height = _whole("height", 512)
    cfgScale = _number("cfgScale", 7.5)


class Img2VideoInput(_Filmed):
    imageBase64 = _image(None)
    imageUrl = _image(ADDRESS_MAX)
    prompt = _text(PROMPT_MAX)  # type: ignore[assignment]
    modelName = StrictCharField(max_length=MODEL_MAX, default=KINDS["img2video"].model)
    augmentationLevel = _number("augmentationLevel", 0.0)
    cfgScale = _number("cfgScale", 2.5)
    videoLoop = StrictBooleanField(default=False)
