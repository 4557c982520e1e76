"""Short videos have exactly the size, rate and length that were asked for, and a loop ends where it began."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from generation.engines.base import EngineInput, EngineRequest, Rejected
from generation.engines.builtin.adapter import BuiltinEngine
from generation.media import probe
from tests.generation.media.conftest import MakeImage

RequestOf = Callable[..., EngineRequest]


@pytest.fixture
def shot(engine: BuiltinEngine, tmp_path: Path) -> Callable[[EngineRequest], Path]:
    numbers = iter(range(100))

    def go(request: EngineRequest) -> Path:
        folder = tmp_path / f"work{next(numbers)}"
        folder.mkdir()
        (output,) = engine.run(request, workdir=folder, progress=lambda _: None, cancelled=lambda: False).outputs
        assert output.path is not None
        return output.path

    return go


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="gray").astype(int) for frame in file.decode(video=0)]


@pytest.mark.parametrize(("fps", "duration"), [(8, 4), (30, 1), (1, 2), (24, 10)])
def test_a_clip_has_the_asked_size_rate_and_length(
    fps: int, duration: int, shot: Callable[[EngineRequest], Path], request_of: RequestOf
) -> None:
    asked = {"width": 128, "height": 96, "fps": fps, "duration": duration, "seed": 1}
    path = shot(request_of("text2video", prompt="一只猫在草地上奔跑", **asked))
    found = probe(path)
    assert (found.content_type, found.width, found.height) == ("video/mp4", 128, 96)
    assert (found.duration_ms, found.frame_count) == (duration * 1000, fps * duration)
    with av.open(str(path)) as file:
        assert file.streams.video[0].average_rate == fps


def test_the_same_clip_again_and_another_for_another_seed(shot: Callable[[EngineRequest], Path], request_of: RequestOf) -> None:
    asked = {"prompt": "ocean", "width": 128, "height": 96, "duration": 1}
    first, again, other = (frames(shot(request_of("text2video", seed=seed, **asked))) for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert np.abs(first[0] - other[0]).mean() > 1


def test_a_larger_motion_bucket_moves_more(shot: Callable[[EngineRequest], Path], request_of: RequestOf) -> None:
    asked = {"prompt": "snow in the forest", "width": 256, "height": 192, "duration": 1, "fps": 24, "seed": 1}
    moved = []
    for bucket in (1, 255):
        shown = frames(shot(request_of("text2video", motion_bucket_id=bucket, **asked)))
        moved.append(np.mean([np.abs(one - two).mean() for one, two in itertools.pairwise(shown)]))
    assert moved[1] > 2 * moved[0]


def test_an_image_moves_and_a_loop_ends_where_it_began(
    shot: Callable[[EngineRequest], Path], request_of: RequestOf, make_image: MakeImage
) -> None:
    given = (EngineInput("image", make_image("a.png", (320, 240)), "image/png", None),)
    found = {}
    for is_loop in (False, True):
        path = shot(request_of("img2video", given, prompt="", fps=24, duration=2, seed=3, video_loop=is_loop))
        assert (probe(path).width, probe(path).height) == (320, 240)
        shown = frames(path)
        found[is_loop] = (np.abs(shown[0] - shown[-1]).mean(), np.abs(shown[0] - shown[24]).mean())
    assert found[False][0] > 2
    assert found[True][1] > 2, "it moves in between"
    assert found[True][0] < found[False][0] / 2


def test_augmentation_makes_the_picture_grainier(
    shot: Callable[[EngineRequest], Path], request_of: RequestOf, make_image: MakeImage
) -> None:
    given = (EngineInput("image", make_image("a.png", (320, 240)), "image/png", None),)
    rough = []
    for level in (0.0, 1.0):
        shown = frames(shot(request_of("img2video", given, prompt="", duration=1, seed=3, augmentation_level=level)))[0]
        rough.append(np.abs(np.diff(shown[40:200, 40:280], axis=1)).mean())
    assert rough[1] > rough[0] + 1


def test_more_than_ten_seconds_or_thirty_frames_are_refused(shot: Callable[[EngineRequest], Path], request_of: RequestOf) -> None:
    for wrong in ({"duration": 11}, {"fps": 31}, {"motion_bucket_id": 0}, {"fps": 2.5}):
        with pytest.raises(Rejected, match=next(iter(wrong))):
            shot(request_of("text2video", prompt="sea", seed=1, **wrong))


@pytest.mark.parametrize(
    ("kind", "prompt"), [("img2video", ""), ("img2video", "snow"), ("text2video", "rain over the city"), ("text2video", "sea")]
)
def test_the_last_frame_of_a_loop_leads_to_its_first(
    kind: str, prompt: str, shot: Callable[[EngineRequest], Path], request_of: RequestOf, make_image: MakeImage
) -> None:
    given = (EngineInput("image", make_image("a.png", (320, 240)), "image/png", None),) if kind == "img2video" else ()
    asked = {"prompt": prompt, "width": 320, "height": 240, "fps": 12, "duration": 3, "seed": 3, "video_loop": True}
    shown = frames(shot(request_of(kind, given, **asked)))
    between = [np.abs(one - two).mean() for one, two in itertools.pairwise(shown)]
    assert np.abs(shown[-1] - shown[0]).mean() < 1.6 * max(between)
    assert np.abs(shown[0] - shown[18]).mean() > 1.5 * np.median(between), "it moves in between"
    back = [np.abs(shown[number] - shown[-number]).mean() for number in range(6, 15)]
    if prompt:
        assert min(back) > 0.2, "what falls does not rise again"


@pytest.mark.parametrize("kind", ["text2video", "img2video"])
def test_a_clip_plays_in_browsers_and_starts_before_it_is_whole(
    kind: str, shot: Callable[[EngineRequest], Path], request_of: RequestOf, make_image: MakeImage
) -> None:
    given = (EngineInput("image", make_image("a.png", (200, 120)), "image/png", None),)
    path = shot(request_of(kind, given, prompt="sea", width=200, height=120, fps=10, duration=3, seed=1))
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat"), "the index stands in front"
    with av.open(str(path)) as file:
        stream: Any = next(iter(file.streams))
        assert len(file.streams) == 1
        assert (stream.codec_context.name, stream.codec_context.pix_fmt, stream.codec_context.profile) == ("h264", "yuv420p", "High")
        assert (stream.average_rate, stream.frames, stream.codec_context.width, stream.codec_context.height) == (10, 30, 200, 120)
        assert float(stream.duration * stream.time_base) == 3
        keys = [number for number, frame in enumerate(file.decode(video=0)) if frame.key_frame]
        assert keys[:3] == [0, 10, 20], "it can be seeked every second"
        assert "creation_time" not in {**file.metadata, **stream.metadata}


@pytest.mark.parametrize("bucket", [1, 127, 255])
def test_a_larger_motion_bucket_takes_the_camera_farther(
    bucket: int, shot: Callable[[EngineRequest], Path], request_of: RequestOf, make_image: MakeImage
) -> None:
    given = (EngineInput("image", make_image("a.png", (320, 240)), "image/png", None),)
    shown = frames(shot(request_of("img2video", given, prompt="", fps=8, duration=2, seed=3, motion_bucket_id=bucket)))
    moved = np.abs(shown[0] - shown[-1]).mean()
    least, most = {1: (0, 2.5), 127: (4, 40), 255: (8, 60)}[bucket]
    assert least <= moved <= most


def test_a_clip_hears_its_numbers_and_names(shot: Callable[[EngineRequest], Path], request_of: RequestOf) -> None:
    asked = {"prompt": "mountain lake", "width": 256, "height": 192, "fps": 4, "duration": 1, "seed": 1}
    plain = frames(shot(request_of("text2video", **asked)))[0]
    for other in ({"steps": 3}, {"cfg_scale": 25}, {"negative_prompt": "dark"}):
        assert np.abs(frames(shot(request_of("text2video", **asked, **other)))[0] - plain).mean() > 0.8, other
