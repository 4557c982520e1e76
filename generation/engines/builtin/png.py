"""PNG files written band by band: nothing in them but the picture and what is said of it, and time to listen in between."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

BAND_PX = 1 << 20
"""How many pixels are written at once."""
LEVEL = 4
SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB8 = (8, 2, 0, 0, 0)
UP = 2
"""The filter: each row as its difference from the one above."""

Told = Callable[[float], None]


def write_png(path: Path, image: Image.Image, texts: dict[str, str], told: Told) -> None:
    """The RGB image is a PNG at `path` that says `texts`; `told` hears, between bands, which share of it is written.

    The bytes depend on image and texts alone. What `told` raises ends the writing.
    """
    with path.open("wb") as file:
        file.write(SIGNATURE + _chunk(b"IHDR", struct.pack(">II5B", *image.size, *RGB8)))
        for name, text in texts.items():
            file.write(_chunk(b"iTXt", name.encode("latin-1") + b"\0\0\0\0\0" + text.encode()))
        for data in _packed(np.asarray(image.convert("RGB")), told):
            file.write(_chunk(b"IDAT", data))
        file.write(_chunk(b"IEND", b""))


def _packed(pixels: np.ndarray, told: Told) -> Iterator[bytes]:
    """The rows, filtered and compressed, in pieces."""
    height, width = pixels.shape[:2]
    step, packer = max(BAND_PX // width, 1), zlib.compressobj(LEVEL, zlib.DEFLATED, 15, 9)
    above = np.zeros((1, width * 3), np.uint8)
    for top in range(0, height, step):
        rows = pixels[top : top + step].reshape(-1, width * 3)
        filtered = np.empty((rows.shape[0], width * 3 + 1), np.uint8)
        filtered[:, 0] = UP
        np.subtract(rows, np.concatenate([above, rows[:-1]]), out=filtered[:, 1:])
        above = rows[-1:]
        data = packer.compress(filtered.tobytes())
        if data:
            yield data
        told(min((top + step) / height, 1.0))
    yield packer.flush()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
