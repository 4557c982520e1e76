"""Short videos have exactly the size, rate and length that were asked for, and a loop ends where it began."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

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
