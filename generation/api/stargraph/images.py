"""Images that come as text: Base64, with or without `data:image/png;base64,`."""

from __future__ import annotations

import base64
import binascii
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generation import storage
from generation.exceptions_media import FileTooLarge, MediaInvalid

PREFIX = re.compile(r"data:[\w.+-]{0,40}/?[\w.+-]{0,40}(?:;[\w.+-]{0,20}=[\w.+-]{0,40})?;base64,", re.IGNORECASE)
PREFIX_MAX = 128
BLANKS = "\r\n "


def encoded_length(size_bytes: int) -> int:
    """How many characters an image of this size takes at most, prefix included."""
    return (size_bytes + 2) // 3 * 4 + PREFIX_MAX


def image_bytes(text: str, limit_bytes: int) -> bytes:
    """The bytes behind `text`, of whatever kind; many encoders break its lines. Raises FileTooLarge, MediaInvalid for what is no Base64."""
    for blank in BLANKS:
        text = text.replace(blank, "")
    found = PREFIX.match(text)
    encoded = text[found.end() :] if found else text
    if len(encoded) > encoded_length(limit_bytes):
        raise FileTooLarge(limit_mb=limit_bytes // 1024**2)
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaInvalid(reason="it is not Base64") from error
    if len(decoded) > limit_bytes:
        raise FileTooLarge(limit_mb=limit_bytes // 1024**2)
    return decoded


@contextmanager
def image_file(text: str, limit_bytes: int) -> Iterator[Path]:
    """Within: a file with the bytes behind `text`, not yet judged. Raises FileTooLarge, MediaInvalid."""
    decoded = image_bytes(text, limit_bytes)
    with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder:
        path = Path(folder) / "image"
        path.write_bytes(decoded)
        yield path
