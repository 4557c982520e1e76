"""From frames to a file: H.264 in MP4 that plays everywhere, can be seeked every second, and starts before it is whole."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from generation.engines.builtin.canvas import Canvas, Floats

FPS = 24
AUDIO_RATE = 44100
THREADS = 2
"""Fixed: the number of threads is part of what x264 makes of a picture."""
NO_TREE = "mbtree=0"
"""x264's macroblock tree reads memory that nobody wrote: tall or noisy clips had other bytes now and then, with one thread too."""
QUALITY = "23"
"""What looks as 21 did with the tree."""
NOTE = "Atelier preview engine, no model: drawn from the words of the prompt"
BT709 = 1


class Writer:
    """An MP4 being written. Use as a context; a clip that is left by an exception leaves no usable file."""

    def __init__(self, path: Path, width: int, height: int, *, title: str = "", sound: Floats | None = None, fps: int = FPS) -> None:
        self._file: Any = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._file.metadata.update({"comment": NOTE, "title": title[:200], "encoder": "Atelier"})
        self._fps = fps
        self._video = self._video_stream(width, height)
        self._sound = sound
        self._audio: Any = self._file.add_stream("aac", rate=AUDIO_RATE, layout="stereo", bit_rate=96_000) if sound is not None else None
        self._count = 0
        self._heard = 0

    def _video_stream(self, width: int, height: int) -> Any:
        options = {"preset": "veryfast", "crf": QUALITY, "tune": "animation", "x264-params": NO_TREE}
        stream = self._file.add_stream("libx264", rate=self._fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = self._fps
        stream.codec_context.thread_count = THREADS
        stream.codec_context.time_base = Fraction(1, self._fps)
        stream.codec_context.color_range = BT709  # limited range
        stream.codec_context.colorspace = BT709
        stream.codec_context.color_primaries = BT709
        stream.codec_context.color_trc = BT709
        return stream

    def write(self, canvas: Canvas) -> None:
        """The canvas is the next frame; the sound up to it is written along."""
        frame = av.VideoFrame.from_ndarray(canvas.buffer, format="yuv420p")
        frame.pts, frame.time_base = self._count, Fraction(1, self._fps)
        self._count += 1
        self._file.mux(self._video.encode(frame))
        if self._sound is not None and self._count % self._fps == 0:
            self._write_sound(self._count * AUDIO_RATE // self._fps)

    def _write_sound(self, until: int) -> None:
        assert self._sound is not None
        part = self._sound[:, self._heard : until]
        if part.shape[1]:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, self._heard, Fraction(1, AUDIO_RATE)
            self._heard += part.shape[1]
            self._file.mux(self._audio.encode(frame))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._file.close()

    def _finish(self) -> None:
        if self._sound is not None:
            self._write_sound(self._count * AUDIO_RATE // self._fps)
            self._file.mux(self._audio.encode(None))
        self._file.mux(self._video.encode(None))
