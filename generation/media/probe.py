"""What a file really is: decoded as far as it takes to be sure, within limits that no file can talk its way out of."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

from generation.exceptions_media import MediaInvalid, MediaTooLarge
from generation.kinds import PIXELS_MAX, SIDE_MAX_PX
from generation.media.sniff import Container, MediaKind, sniff

DURATION_MAX_S = 3600
FRAMES_MAX = 250_000
TOO_LARGE = f"it is larger than {SIDE_MAX_PX} pixels a side or {PIXELS_MAX // 1_000_000} megapixels"
TRUNCATED_BELOW = 0.9
"""A file that holds less than this share of the length it announces was cut off."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A file that can be shown: its kind and type, its size as displayed (px), and for videos length (ms) and frames."""

    kind: MediaKind
    content_type: str
    extension: str
    width: int
    height: int
    duration_ms: int | None = None
    frame_count: int | None = None


def probe(path: Path) -> Probe:
    """What `path` holds, by content. Raises MediaInvalid for what is broken, too large, or none of the formats we take."""
    container = sniff(path)
    try:
        return _image(path, container) if container.kind == "image" else _video(path, container)
    except MediaInvalid:
        raise
    except MemoryError as error:
        raise MediaTooLarge(reason=TOO_LARGE) from error
    except Exception as error:  # decoders fail in more ways than they name
        raise MediaInvalid(reason="it is damaged or not what it claims to be") from error


def judge_size(width: int, height: int) -> None:
    """Raises MediaTooLarge for a picture beyond 8192 px a side or 50 megapixels, MediaInvalid for one with no area at all."""
    if width < 1 or height < 1:
        raise MediaInvalid(reason="it has no picture")
    if width > SIDE_MAX_PX or height > SIDE_MAX_PX or width * height > PIXELS_MAX:
        raise MediaTooLarge(reason=TOO_LARGE)


def open_image(path: Path, container: Container) -> Image.Image:
    """The image with its size judged and nothing decoded yet; only the sniffed format's decoder may look at it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(path, formats=[container.reader])
        except Image.DecompressionBombError as error:  # Pillow's own limit comes before ours
            raise MediaTooLarge(reason=TOO_LARGE) from error
    judge_size(*image.size)
    return image


def _image(path: Path, container: Container) -> Probe:
    with open_image(path, container) as image:
        width, height = image.size
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        image.load()
    if turned:
        width, height = height, width
    return Probe("image", container.content_type, container.extension, width, height)


def open_video(path: Path, container: Container) -> Any:
    """The opened file; only the sniffed format's demuxer may look at it, so that no playlist leads to other files."""
    return av.open(str(path), format=container.reader, options={"protocol_whitelist": "file"})


def _video(path: Path, container: Container) -> Probe:
    with open_video(path, container) as file:
        if not file.streams.video:
            raise MediaInvalid(reason="it holds no video")
        stream = file.streams.video[0]
        judge_size(stream.codec_context.width, stream.codec_context.height)
        announced_s = float(file.duration or 0) / 1_000_000
        if announced_s > DURATION_MAX_S:
            raise MediaInvalid(reason=f"it is longer than {DURATION_MAX_S // 60} minutes")
        width, height = _first_picture(file, stream)
    duration_s, frames = _measured(path, container)
    if duration_s <= 0 or duration_s < announced_s * TRUNCATED_BELOW:
        raise MediaInvalid(reason="it is damaged or not what it claims to be")
    return Probe("video", container.content_type, container.extension, width, height, round(duration_s * 1000), frames)


def _first_picture(file: Any, stream: Any) -> tuple[int, int]:
    """The displayed size (px) of the first frame that decodes."""
    stream.thread_count = 1
    frame = next(file.decode(stream), None)
    if frame is None:
        raise MediaInvalid(reason="it holds no video")
    judge_size(frame.width, frame.height)
    return (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)


def _measured(path: Path, container: Container) -> tuple[float, int]:
    """The length (s) of the video as its packets tell it, and how many there are; headers may lie."""
    with open_video(path, container) as file:
        stream = file.streams.video[0]
        usual = 1 / stream.average_rate / stream.time_base if stream.average_rate else Fraction(1)
        first: Fraction | None = None
        last, frames = Fraction(0), 0
        for packet in file.demux(stream):
            at = packet.pts if packet.pts is not None else packet.dts
            if at is None or packet.size == 0:
                continue
            frames += 1
            first = Fraction(at) if first is None else min(first, Fraction(at))
            last = max(last, at + (Fraction(packet.duration) if packet.duration else usual))
            if frames > FRAMES_MAX or (last - first) * stream.time_base > DURATION_MAX_S:
                raise MediaInvalid(reason="it holds too many frames")
    return float((last - (first or 0)) * stream.time_base), frames
