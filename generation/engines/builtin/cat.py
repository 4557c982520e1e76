"""A cat that sits in front and moves its tail, where the words ask for one."""

from __future__ import annotations

import numpy as np

from generation.engines.builtin.canvas import Floats, Sprite
from generation.engines.builtin.elements import Flap
from generation.engines.builtin.palette import blended, colour
from generation.engines.builtin.shapes import Draw, drawn, ink
from generation.engines.builtin.stage import Stage

COATS = ("#e0913f", "#4a4a55", "#d9cbb5", "#8a8f99", "#2b2730")
NOWHERE = frozenset({"sea", "under", "space"})
TALL_PX = 250
"""At 720 lines."""
POSES = 9


def cat(stage: Stage) -> None:
    """A cat sits on the ground, if the prompt names one and there is ground."""
    if "cat" not in stage.plan.figures or stage.plan.place in NOWHERE:
        return
    size = int(TALL_PX * stage.unit)
    coat = blended(COATS[int(stage.rng.integers(len(COATS)))], stage.light.near, 0.2 if stage.light.is_dark else 0.06)
    dark, pale = blended(coat, stage.light.near, 0.6), blended("#f7efe2", coat, 0.12)
    poses = [_cat(size, coat, dark, pale, swing) for swing in np.linspace(-1, 1, POSES)]
    x = float(stage.rng.choice([0.22, 0.5, 0.6])) * stage.width
    stage.add(Flap(poses, x, stage.height * 0.965 - size, 0.0, 0.0, 0.3, 0.15))


def _cat(size: int, coat: Floats, dark: Floats, pale: Floats, swing: float) -> Sprite:
    """Seen from in front on a sheet of 120 by 110; `swing` (−1 to 1) is where the tip of the tail is."""

    def paint(draw: Draw, unit: float) -> None:
        k = size * unit / 110

        def oval(x: float, y: float, wide: float, high: float, tint: Floats) -> None:
            draw.ellipse([((x - wide) * k, (y - high) * k), ((x + wide) * k, (y + high) * k)], fill=ink(tint))

        def shape(tint: Floats, *points: tuple[float, float]) -> None:
            draw.polygon([(x * k, y * k) for x, y in points], fill=ink(tint))

        for share in np.linspace(0, 1, 96):
            along = float(share)
            rise = 26 * along**2 - 4 * along
            oval(
                72 + 34 * np.sin(along * 1.9) + swing * 9 * along**2, 99 - rise - 30 * along**3, 5.4 - 1.4 * along, 5.4 - 1.4 * along, coat
            )
        oval(50, 80, 27, 28, coat)
        oval(50, 62, 19, 22, coat)
        oval(31, 98, 13, 9.5, coat)
        oval(69, 98, 13, 9.5, coat)
        oval(50, 74, 12, 19, pale)
        oval(42, 101, 7.5, 6, pale)
        oval(58, 101, 7.5, 6, pale)
        for side in (-1, 1):
            shape(coat, (50 + side * 6, 22), (50 + side * 21, 3), (50 + side * 25, 34))
            shape(blended(pale, colour("#d98a86"), 0.55), (50 + side * 11, 21), (50 + side * 19.5, 10), (50 + side * 21, 27))
        oval(50, 36, 25.5, 21, coat)
        for stripe in (-7, 0, 7):
            shape(
                dark,
                (50 + stripe - 1.6, 16.5 + abs(stripe) * 0.18),
                (50 + stripe + 1.6, 16.5 + abs(stripe) * 0.18),
                (50 + stripe * 0.8, 26),
            )
        oval(50, 44, 12, 9.5, pale)
        for side in (-1, 1):
            oval(50 + side * 10.5, 34, 4.6, 5.4, colour("#f3d36b"))
            oval(50 + side * 10.5, 34, 2.1, 4.8, colour("#15131a"))
            oval(50 + side * 10.5 - 1.2, 31.8, 1.1, 1.1, colour("#ffffff"))
            for lean in (-2.5, 1.5):
                ends = [((50 + side * 9) * k, 44 * k), ((50 + side * 31) * k, (43 + lean * 2) * k)]
                draw.line(ends, fill=ink(pale, 0.8), width=max(round(0.7 * k), 1))
        shape(colour("#c96f6c"), (47, 40), (53, 40), (50, 43.6))

    return drawn(size * 120 // 110, size, paint)
