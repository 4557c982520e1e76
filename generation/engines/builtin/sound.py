"""A quiet bed of sound that fits the picture: surf, rain, wind, or a low chord. Made of shaped noise and sines."""

from __future__ import annotations

import numpy as np

from generation.engines.builtin.canvas import Floats
from generation.engines.builtin.encode import AUDIO_RATE
from generation.engines.builtin.palette import Plan

CHORDS = ((110.0, 164.81, 220.0, 277.18), (98.0, 146.83, 196.0, 246.94), (87.31, 130.81, 174.61, 220.0), (82.41, 123.47, 164.81, 207.65))


def sound_of(plan: Plan, seconds: float, rng: np.random.Generator) -> Floats:
    """Two channels of samples (−1 to 1), fading in and out."""
    count = int(seconds * AUDIO_RATE)
    at = np.arange(count) / AUDIO_RATE
    bed = _chord(at, CHORDS[int(rng.integers(len(CHORDS)))]) * 0.05
    if plan.weather == "rain":
        bed = bed + _noise(rng, count, 1200, 7000) * 0.07
    if plan.place == "sea":
        bed = bed + _noise(rng, count, 150, 1800) * (0.05 + 0.07 * (0.5 + 0.5 * np.sin(2 * np.pi * at / 4.2 - 1.2)) ** 2)
    elif plan.place in ("desert", "valley", "meadow", "forest"):
        bed = bed + _noise(rng, count, 120, 700) * (0.03 + 0.02 * np.sin(2 * np.pi * at / 3.1))
    elif plan.place in ("under", "space"):
        bed = bed + _noise(rng, count, 40, 260) * 0.09
    edge = np.minimum(np.minimum(at / 0.6, (at[-1] - at) / 0.8), 1).clip(0, 1) if count else at
    return (bed * edge).astype(np.float32)


def _chord(at: np.ndarray, notes: tuple[float, ...]) -> np.ndarray:
    voices = [
        np.sin(2 * np.pi * note * at + index) * (0.7 + 0.3 * np.sin(2 * np.pi * at / (3.5 + index) + index)) / (index + 1)
        for index, note in enumerate(notes)
    ]
    wide = [np.sin(2 * np.pi * note * 1.003 * at + index) / (index + 1) for index, note in enumerate(notes)]
    return np.stack([sum(voices), 0.6 * sum(voices) + 0.4 * sum(wide)])


def _noise(rng: np.random.Generator, count: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Noise between two pitches, loudness 1."""
    size = 1 << max(count - 1, 1).bit_length()
    pitch = np.fft.rfftfreq(size, 1 / AUDIO_RATE)
    shape = 1 / (1 + (low_hz / np.maximum(pitch, 1)) ** 4) / (1 + (pitch / high_hz) ** 4)
    found = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, size))) * shape)[:, :count]
    return found / max(float(found.std()), 1e-9)
