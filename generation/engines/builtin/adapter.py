"""The adapter of the built-in engine: kinds to painters, directives, progress, and an ear for cancelling."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generation.engines.base import EngineOutput, EngineRequest, EngineStatus, NoCapacity, Rejected, Temporary
from generation.engines.builtin.canvas import Canvas, Floats
from generation.engines.builtin.clips import SHOOTERS, clip
from generation.engines.builtin.directives import Directive, directive_of, directive_of_query
from generation.engines.builtin.encode import FPS, Writer
from generation.engines.builtin.images import Painter, img2img, pictures, text2img, upscale
from generation.engines.builtin.job import Cancelled, Ear, Job, chance_of
from generation.engines.builtin.motion import Mixed, Moved
from generation.engines.builtin.palette import plan_of
from generation.engines.builtin.pose import pose
from generation.engines.builtin.scene import scene_of
from generation.engines.builtin.sound import sound_of
from generation.engines.builtin.still import Picture, moving_of
from generation.kinds import KINDS
from generation.media import probe

if TYPE_CHECKING:
    from generation.models import Engine as EngineRow

DURATION_S = 5.0
DURATION_MAX_S = 60.0
TIMED_MAX_MS = 30_000
TIMED_SLACK_MS = 500
TICK_S = 0.1
SLOW_SHARE = 90.0
"""How far the progress gets while `[[slow:n]]` waits."""
PICTURE_PARAMS = ("prompt", "aspect_ratio", "quality", "mode", "seed", "duration_s")
"""What the pixels depend on, beside the kind and the inputs."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A painter's work: the picture to draw frame by frame, and its sound."""

    picture: Picture
    sound: Floats | None


class BuiltinEngine:
    """Draws every kind itself: real media, no model, no network. It runs in the worker and stops within a fraction of a second."""

    runs_here = True

    def __init__(self, row: EngineRow) -> None:
        self.name = row.name

    def run(
        self,
        request: EngineRequest,
        *,
        workdir: Path,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> EngineStatus:
        """The drawn clip or pictures in `workdir`. Same kind, parameters, prompt and seed: the same pixels. Raises Rejected, Temporary."""
        ear = Ear(progress, cancelled)
        prompt, directive = _asked(request)
        try:
            begins = _obey(directive, request.attempt, ear)
            outputs = _made(request, prompt, workdir, ear, begins)
        except Cancelled:
            return EngineStatus("cancelled", ear.reached)
        except MemoryError as error:
            raise NoCapacity("out of memory") from error
        return EngineStatus("succeeded", 100.0, outputs)

    def submit(self, request: EngineRequest) -> str:
        """Never called: the engine runs in the worker."""
        raise Rejected("This engine takes no orders from afar.")

    def poll(self, upstream_id: str) -> EngineStatus:
        """Never called; nothing is known of any id."""
        return EngineStatus("lost", 0.0)

    def cancel(self, upstream_id: str) -> bool:
        """Nothing runs outside the worker, so nothing is left to stop."""
        return True


def _asked(request: EngineRequest) -> tuple[str, Directive | None]:
    """The prompt without its directive, and the directive: of the prompt, or of an input's address where there is no prompt."""
    prompt, directive = directive_of(str(request.params.get("prompt") or ""))
    if directive is None and not prompt:
        found = (directive_of_query(given.query) for given in request.inputs)
        directive = next((one for one in found if one is not None), None)
    return prompt, directive


def _obey(directive: Directive | None, attempt: int, ear: Ear) -> float:
    """Does what the directive says; returns the percentage that the rest of the work begins at."""
    if directive is None:
        return 0.0
    if directive.name == "fail" and directive.value is None:
        raise Rejected("The engine refused this request (it was asked to).")
    if directive.name == "fail" and directive.value is not None and attempt <= directive.value:
        raise Temporary(f"asked to fail attempt {attempt}")
    if directive.name == "hang":
        _wait(None, ear)
    if directive.name == "slow":
        _wait(float(directive.value or 10), ear)
        return SLOW_SHARE
    return 0.0


def _wait(seconds: float | None, ear: Ear) -> None:
    """`seconds` pass (None: no end), the progress growing."""
    began = time.monotonic()
    while seconds is None or time.monotonic() - began < seconds:
        passed = time.monotonic() - began
        ear.step(passed / seconds * SLOW_SHARE if seconds else 1.0)
        time.sleep(min(TICK_S, max(seconds - passed, 0)) if seconds else TICK_S)


def _made(request: EngineRequest, prompt: str, workdir: Path, ear: Ear, begins: float) -> tuple[EngineOutput, ...]:
    """The files of the request. Raises Rejected for a kind that nothing here paints, and for numbers beyond the kind's limits."""
    kind = KINDS.get(request.kind)
    wrong = kind.breaches(request.params) if kind else {}
    if wrong:
        raise Rejected("; ".join(f"{name} {text}" for name, text in wrong.items()))
    if request.kind in IMAGES:
        return pictures(IMAGES[request.kind], request, prompt, workdir, ear, begins)
    if request.kind in SHOOTERS:
        return clip(request, prompt, workdir, ear, begins)
    path = workdir / "output.mp4"
    _paint(_job(request, prompt), path, ear, begins)
    return (EngineOutput(path, None, "video/mp4"),)


def _job(request: EngineRequest, prompt: str) -> Job:
    width, height = _size(request)
    return Job(request, prompt, width, height, _seconds(request), _chance(request, prompt))


def _size(request: EngineRequest) -> tuple[int, int]:
    """Pixels: 720 lines, 1080 for "hd" and "wan-pro"; upright for "portrait" or as the input video stands."""
    params = request.params
    lines = 1080 if params.get("quality") == "hd" or params.get("mode") == "wan-pro" else 720
    upright = params.get("aspect_ratio") == "portrait"
    video = next((given for given in request.inputs if given.name == "video"), None)
    if video is not None:
        seen = probe(video.path)
        upright = seen.height > seen.width
    return (lines, lines * 16 // 9) if upright else (lines * 16 // 9, lines)


def _seconds(request: EngineRequest) -> float:
    """The length of the input video, or what was asked for, or 5 s; whole frames."""
    video = next((given for given in request.inputs if given.name == "video"), None)
    if video is None:
        wanted = float(request.params.get("duration_s") or DURATION_S)
        return round(min(max(wanted, 1.0), DURATION_MAX_S) * FPS) / FPS
    length_ms = video.duration_ms or probe(video.path).duration_ms or 0
    if length_ms > TIMED_MAX_MS + TIMED_SLACK_MS:
        raise Rejected("The input video is longer than 30 seconds.")
    return max(round(min(length_ms, TIMED_MAX_MS) / 1000 * FPS), 1) / FPS


def _chance(request: EngineRequest, prompt: str) -> np.random.Generator:
    """The source of every choice: the kind and all parameters that the picture depends on."""
    told: dict[str, Any] = {name: request.params[name] for name in PICTURE_PARAMS if request.params.get(name) is not None}
    return chance_of(request.kind, {**told, "prompt": prompt})


def _paint(job: Job, path: Path, ear: Ear, begins: float) -> None:
    ear.step(begins)
    made = PAINTERS[job.request.kind](job) if job.request.kind in PAINTERS else None
    if made is None:
        raise Rejected("This engine does not make this kind.")
    canvas, count = Canvas(job.width, job.height), round(job.seconds * FPS)
    with Writer(path, job.width, job.height, title=job.prompt, sound=made.sound) as writer:
        for number in range(count):
            made.picture.draw(canvas, number)
            writer.write(canvas)
            ear.step(begins + (99 - begins) * (number + 1) / count)


def _text_to_video(job: Job) -> Clip:
    scene, plan = scene_of(job.prompt, width=job.width, height=job.height, seconds=job.seconds, rng=job.rng)
    return Clip(scene, sound_of(plan, job.seconds, job.rng))


def _image_to_video(job: Job) -> Clip:
    paths = [given.path for given in job.request.inputs if given.name.startswith("image")]
    if not paths:
        raise Rejected("An input is missing.")
    moving = moving_of(paths, job.prompt, width=job.width, height=job.height, seconds=job.seconds, rng=job.rng)
    return Clip(moving, sound_of(plan_of(job.prompt, job.rng), job.seconds, job.rng))


def _animate_move(job: Job) -> Clip:
    return Clip(Moved(job.input("image"), job.input("video"), job.width, job.height, round(job.seconds * FPS)), None)


def _animate_mix(job: Job) -> Clip:
    return Clip(Mixed(job.input("image"), job.input("video"), job.width, job.height, round(job.seconds * FPS)), None)


PAINTERS: dict[str, Callable[[Job], Clip]] = {
    "text-to-video": _text_to_video,
    "image-to-video": _image_to_video,
    "animate-move": _animate_move,
    "animate-mix": _animate_mix,
}
"""Kind → painter. Another kind is one more line and one more function."""
IMAGES: dict[str, Painter] = {"text2img": text2img, "img2img": img2img, "upscale": upscale, "pose": pose}
"""Kind → what draws one still of it; `clips.SHOOTERS` are the short videos."""
