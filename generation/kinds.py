"""The kinds of things that can be made: declared once, named by each contract in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Input:
    """One file a kind takes: the parameter that names its address(es), what it must be, how large it may be."""

    param: str
    media: Literal["image", "video"]
    limit_bytes: int
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its inputs, what comes out, and how long it takes until it was measured (seconds)."""

    name: str
    output: Literal["video", "image", "text", "pptx"]
    inputs: tuple[Input, ...] = ()
    estimate_s: int = 180
    timed_by: str | None = None
    """The input whose length prices a per-second kind."""


IMAGE_LIMIT_BYTES = 10 * MIB
VIDEO_LIMIT_BYTES = 100 * MIB
TIMED_INPUT_MAX_S = 30
TIMED_INPUT_UNKNOWN_S = 5
"""What is reserved for an input at a foreign address, until its real length is known."""

_IMAGE = Input("image_url", "image", IMAGE_LIMIT_BYTES)
_VIDEO = Input("video_url", "video", VIDEO_LIMIT_BYTES)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("text-to-video", "video"),
        Kind("image-to-video", "video", (Input("image_urls", "image", IMAGE_LIMIT_BYTES, is_list=True),)),
        Kind("animate-move", "video", (_IMAGE, _VIDEO), timed_by="video_url"),
        Kind("animate-mix", "video", (_IMAGE, _VIDEO), timed_by="video_url"),
    )
}
