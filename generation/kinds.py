"""The kinds of things that can be made: declared once, named by each contract in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from generation.exceptions_media import PictureTooLarge

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Input:
    """One file a kind takes: the parameter that names its address(es), what it must be, how large it may be."""

    param: str
    media: Literal["image", "video"]
    limit_bytes: int
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """The numbers a parameter may have: from `low` to `high`; whole multiples of `step` (0: fractions too); `choices`: only these."""

    low: float
    high: float
    step: int = 1
    choices: tuple[int, ...] = ()

    def breach(self, value: Any) -> str:
        """What is wrong with `value`, in words; "" if nothing is."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "must be a number"
        if self.choices and value not in self.choices:
            return "must be " + " or ".join(map(str, self.choices))
        if not self.low <= value <= self.high:
            return f"must be from {self.low} to {self.high}"
        if self.step and value % self.step:
            return f"must be a multiple of {self.step}" if self.step > 1 else "must be a whole number"
        return ""


def _no_limits() -> Mapping[str, Limit]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its inputs, what comes out, how long it takes until it was measured (seconds), and the limits of its parameters."""

    name: str
    output: Literal["video", "image", "text", "pptx"]
    inputs: tuple[Input, ...] = ()
    estimate_s: int = 180
    timed_by: str | None = None
    """The input whose length prices a per-second kind."""
    limits: Mapping[str, Limit] = field(default_factory=_no_limits)
    model: str = ""
    """The alias that is asked for where nobody names one."""

    def breaches(self, params: Mapping[str, Any]) -> dict[str, str]:
        """Parameter → what is wrong with it, of those that `params` has and that are beyond this kind's limits."""
        told = {name: limit.breach(params[name]) for name, limit in self.limits.items() if params.get(name) is not None}
        return {name: text for name, text in told.items() if text}

    def judge_picture(self, width: int, height: int, params: Mapping[str, Any]) -> None:
        """Nothing happens for an input of that size (px) that a result can be made from. Raises PictureTooLarge."""
        if "scale_factor" in self.limits:
            enlarged_size(width, height, int(params.get("scale_factor") or SCALE))

    def pictures(self, params: Mapping[str, Any]) -> int:
        """How many outputs `params` ask for: a batch's, where the kind makes batches."""
        return int(params.get("batch_size") or 1) if "batch_size" in self.limits else 1


SCALE = 2
"""How many times as large an enlarged picture becomes if nobody says."""
OWN_PARAMS = frozenset({"reserved_s", "is_seed_drawn"})
"""What creating and running wrote among a task's parameters."""

WRITTEN_PARAMS = ("prompt", "negative_prompt", "image_urls", "image_url", "pose_image_url", "video_url")
"""What people write into a task, and what of theirs it names."""


def asked_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """What the client asked for: nothing of our own, and a seed that was left to us left to us again (-1)."""
    asked = {name: value for name, value in params.items() if name not in OWN_PARAMS}
    return {**asked, "seed": -1} if params.get("is_seed_drawn") else asked


IMAGE_LIMIT_BYTES = 10 * MIB
VIDEO_LIMIT_BYTES = 100 * MIB
TIMED_INPUT_MAX_S = 30
TIMED_INPUT_UNKNOWN_S = 5
"""What is reserved for an input at a foreign address, until its real length is known."""

_IMAGE = Input("image_url", "image", IMAGE_LIMIT_BYTES)
_VIDEO = Input("video_url", "video", VIDEO_LIMIT_BYTES)
_POSE = Input("pose_image_url", "image", IMAGE_LIMIT_BYTES)

SIDE = Limit(64, 2048, step=8)
"""Pixels a side of what is drawn from nothing."""
SHARE = Limit(0, 1, step=0)
DRAWN: Mapping[str, Limit] = MappingProxyType(
    {
        "width": SIDE,
        "height": SIDE,
        "steps": Limit(1, 150),
        "cfg_scale": Limit(0, 30, step=0),
        "seed": Limit(-1, 2**63 - 1),
        "denoise": SHARE,
        "batch_size": Limit(1, 8),
        "strength": SHARE,
        "control_strength": Limit(0, 2, step=0),
    }
)
"""Limits of everything that is drawn from a seed; -1 leaves the seed to us."""
ENLARGED: Mapping[str, Limit] = MappingProxyType({"scale_factor": Limit(2, 4, choices=(2, 4))})
FILMED: Mapping[str, Limit] = MappingProxyType(
    {
        **{name: limit for name, limit in DRAWN.items() if name != "batch_size"},
        "fps": Limit(1, 30),
        "duration": Limit(1, 10),
        "motion_bucket_id": Limit(1, 255),
        "augmentation_level": SHARE,
    }
)

SIDE_MAX_PX, PIXELS_MAX = 8192, 50_000_000
"""Pixels a side, and in all, beyond which no picture is opened or made."""


def enlarged_size(width: int, height: int, factor: int) -> tuple[int, int]:
    """The size (px) of a picture `factor` times as large. Raises PictureTooLarge beyond 8192 px a side or 50 megapixels."""
    wide, high = width * factor, height * factor
    if max(wide, high) > SIDE_MAX_PX or wide * high > PIXELS_MAX:
        raise PictureTooLarge(width=wide, height=high, side_px=SIDE_MAX_PX, megapixels=PIXELS_MAX // 1_000_000)
    return wide, high


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("text-to-video", "video"),
        Kind("image-to-video", "video", (Input("image_urls", "image", IMAGE_LIMIT_BYTES, is_list=True),)),
        Kind("animate-move", "video", (_IMAGE, _VIDEO), timed_by="video_url"),
        Kind("animate-mix", "video", (_IMAGE, _VIDEO), timed_by="video_url"),
        Kind("text2img", "image", estimate_s=5, limits=DRAWN, model="stable-diffusion-xl-base-1.0"),
        Kind("img2img", "image", (_IMAGE,), estimate_s=5, limits=DRAWN, model="stable-diffusion-v1-5"),
        Kind("upscale", "image", (_IMAGE,), estimate_s=10, limits=ENLARGED, model="RealESRGAN"),
        Kind("pose", "image", (_POSE,), estimate_s=5, limits=DRAWN, model="stable-diffusion-v1-5"),
        Kind("text2video", "video", estimate_s=20, limits=FILMED, model="stable-video-diffusion"),
        Kind("img2video", "video", (_IMAGE,), estimate_s=20, limits=FILMED, model="stable-video-diffusion-img2vid"),
    )
}
