"""The first guess: which container a file's first bytes announce. Names and declared types are never asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from generation.exceptions_media import MediaInvalid

MediaKind = Literal["image", "video"]
HEAD_BYTES = 4096
QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


@dataclass(frozen=True, slots=True)
class Container:
    """A file format we take: `reader` is the one decoder that may open it (Pillow's format or FFmpeg's demuxer)."""

    kind: MediaKind
    content_type: str
    extension: str
    reader: str


JPEG = Container("image", "image/jpeg", "jpg", "JPEG")
PNG = Container("image", "image/png", "png", "PNG")
WEBP = Container("image", "image/webp", "webp", "WEBP")
MP4 = Container("video", "video/mp4", "mp4", "mov")
MOV = Container("video", "video/quicktime", "mov", "mov")
AVI = Container("video", "video/x-msvideo", "avi", "avi")
WEBM = Container("video", "video/webm", "webm", "matroska")
CONTAINERS = {container.content_type: container for container in (JPEG, PNG, WEBP, MP4, MOV, AVI, WEBM)}


def sniff(path: Path) -> Container:
    """The container that the first bytes of `path` announce. Raises MediaInvalid for any other."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    found = _image(head) or _video(head)
    if found is None:
        raise MediaInvalid(reason="use JPEG, PNG or WebP for images and MP4, MOV, AVI or WebM for videos")
    return found


def _image(head: bytes) -> Container | None:
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    return None


def _video(head: bytes) -> Container | None:
    if head[4:8] == b"ftyp":
        return MOV if head[8:12] == b"qt  " else MP4
    if head[4:8] in QUICKTIME_ATOMS:
        return MOV
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return AVI
    if head.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in head[:128]:
        return WEBM
    return None
