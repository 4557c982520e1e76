"""Small pictures of large files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from generation.media.probe import Probe, judge_size, open_image, open_video
from generation.media.sniff import CONTAINERS

SIDE_PX = 640
AT_S = 1.0
QUALITY = 82
SIXTEEN_TO_EIGHT = 8
"""Bits that a grey of sixteen has beyond eight: Pillow's own conversion would make everything white."""


def thumbnail(path: Path, probe: Probe, out: Path) -> None:
    """`out` holds a JPEG of `path`, upright, at most 640 px a side; of a video the picture at one second (or half-way)."""
    image = _still(path, probe) if probe.kind == "image" else _frame(path, probe)
    image.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS)
    flatten(image).save(out, "JPEG", quality=QUALITY, optimize=True)


def flatten(image: Image.Image) -> Image.Image:
    """The image in RGB, eight bits a colour, on white where it is transparent."""
    if image.mode.startswith("I"):
        levels = np.asarray(image, np.int64) >> SIXTEEN_TO_EIGHT
        image = Image.fromarray(levels.clip(0, 255).astype(np.uint8))
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _still(path: Path, probe: Probe) -> Image.Image:
    with open_image(path, CONTAINERS[probe.content_type]) as image:
        if probe.content_type == "image/jpeg":
            image.draft("RGB", (SIDE_PX * 2, SIDE_PX * 2))
        return ImageOps.exif_transpose(image)


def _frame(path: Path, probe: Probe) -> Image.Image:
    """Decoded forward from the start: seeking would land on the key frame before, often the first black one."""
    wanted = min(AT_S, (probe.duration_ms or 0) / 2000)
    with open_video(path, CONTAINERS[probe.content_type]) as file:
        file.streams.video[0].thread_count = 2
        chosen: Any = None
        begins: float | None = None
        for frame in file.decode(video=0):
            begins = (frame.time or 0.0) if begins is None else begins
            chosen = frame
            if frame.time is not None and frame.time - begins >= wanted:
                break
        judge_size(chosen.width, chosen.height)
        image: Image.Image = chosen.to_image()
        return image.rotate(chosen.rotation, expand=True) if chosen.rotation else image
