"""Textures of a picture's surface, one for each name: film, paper, canvas, strokes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from generation.engines.builtin.canvas import Floats

WEAKEST, STRONGEST = 3.0, 9.0
"""Steps of brightness between which a texture moves the light."""
TILE_PX = 256
"""Textures repeat after so many pixels."""

Weave = Callable[[np.random.Generator], Floats]


def texture(name: str, share: float, width: int, height: int) -> Floats:
    """What the texture `name` adds to the light of each place; `share` (0–1) picks kind and strength. Every process makes the same."""
    rng = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
    place, strength = divmod(share * len(WEAVES), 1)
    tile = WEAVES[min(int(place), len(WEAVES) - 1)](rng)
    amount = WEAKEST + (STRONGEST - WEAKEST) * strength
    tile = tile / np.float32(max(float(np.abs(tile).max()), 1e-6)) * np.float32(amount)
    across, down = -(-width // TILE_PX), -(-height // TILE_PX)
    found: Floats = np.tile(tile, (down, across))[:height, :width]
    return found


def _film(rng: np.random.Generator) -> Floats:
    return _spread(rng, TILE_PX, TILE_PX)


def _paper(rng: np.random.Generator) -> Floats:
    return _spread(rng, 128, 128) + _spread(rng, 64, 64) + np.float32(0.5) * _spread(rng, TILE_PX, TILE_PX)


def _canvas(rng: np.random.Generator) -> Floats:
    """Threads over and under each other."""
    at = np.arange(TILE_PX, dtype=np.float32)
    thread = np.sin(at * np.float32(2 * np.pi / 4))
    woven: Floats = thread[None, :] * np.abs(thread)[:, None] + thread[:, None] * np.abs(thread)[None, :]
    return woven + np.float32(0.7) * _spread(rng, 128, 128)


def _across(rng: np.random.Generator) -> Floats:
    return _spread(rng, 16, TILE_PX) + np.float32(0.4) * _spread(rng, 64, TILE_PX)


def _down(rng: np.random.Generator) -> Floats:
    return _spread(rng, TILE_PX, 16) + np.float32(0.4) * _spread(rng, TILE_PX, 64)


def _clouds(rng: np.random.Generator) -> Floats:
    return _spread(rng, 8, 8) + np.float32(0.6) * _spread(rng, 32, 32)


def _spread(rng: np.random.Generator, across: int, down: int) -> Floats:
    """Chance with so many spots across and down, softly joined, without a seam where the tile repeats."""
    spots = rng.standard_normal((down, across)).astype(np.float32).clip(-2, 2)
    wrapped = np.pad(spots, 1, mode="wrap")
    size = (TILE_PX * (across + 2) // across, TILE_PX * (down + 2) // down)
    large = np.asarray(Image.fromarray(wrapped).resize(size, Image.Resampling.BICUBIC), np.float32)
    left, top = TILE_PX // across, TILE_PX // down
    found: Floats = large[top : top + TILE_PX, left : left + TILE_PX]
    return found


WEAVES: tuple[Weave, ...] = (_film, _paper, _canvas, _across, _down, _clouds)
