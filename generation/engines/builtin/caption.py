"""The line in every picture that says what made it."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from generation.engines.builtin.canvas import Canvas, Sprite

TEXT = "Atelier preview engine · no model"


@functools.lru_cache(maxsize=8)
def _bar(size: int) -> Sprite:
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(TEXT)
    pad_x, pad_y = round(size * 0.75), round(size * 0.42)
    sheet = Image.new("L", (int(right - left) + 2 * pad_x, int(bottom - top) + 2 * pad_y), 0)
    ImageDraw.Draw(sheet).text((pad_x - left, pad_y - top), TEXT, font=font, fill=255)
    text = np.asarray(sheet, np.float32) / 255
    alpha = 0.42 + text * 0.5
    rgb = (text * (244 / np.maximum(alpha, 0.01)) * 0.9)[..., None].repeat(3, axis=2)
    return Sprite(np.clip(rgb, 0, 250).astype(np.float32), alpha.astype(np.float32))


def draw_caption(canvas: Canvas) -> None:
    """The canvas says, small and in its lower left corner, that no model made it."""
    size = max(min(canvas.width, canvas.height) // 45, 9)
    bar = _bar(size)
    margin = size // 2 * 2
    bar.draw(canvas, margin, canvas.height - margin - bar.alpha.shape[0])
