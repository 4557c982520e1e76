"""The built-in engine makes real media, the same for the same request, and does what directives say."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from generation.engines.base import EngineInput, EngineRequest, Rejected, Temporary
from generation.engines.builtin.adapter import BuiltinEngine
from generation.engines.builtin.palette import plan_of
from generation.engines.builtin.scene import PLACES
from generation.engines.builtin.showcase import SHOWCASE
from generation.media import probe
from tests.generation.media.conftest import MakeImage, MakeVideo

RequestOf = Callable[..., EngineRequest]


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO = True


@pytest.fixture
def run(engine: BuiltinEngine, tmp_path: Path) -> Callable[..., Path]:
    numbers = iter(range(100))

    def go(request: EngineRequest) -> Path:
        folder = tmp_path / f"work{next(numbers)}"
        folder.mkdir()
        status = engine.run(request, workdir=folder, progress=lambda _: None, cancelled=lambda: False)
        assert (status.state, status.progress, len(status.outputs)) == ("succeeded", 100.0, 1)
        path = status.outputs[0].path
        assert path is not None
        return path

    return go


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray() for frame in file.decode(video=0)]


def test_text_to_video_is_five_seconds_of_playable_h264(
    run: Callable[..., Path], request_of: RequestOf, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.perf_counter()
    path = run(request_of("text-to-video", prompt="sunset over the ocean", aspect_ratio="landscape", quality="standard"))
    with capsys.disabled():
        print(f"\n5 s of 720p took {time.perf_counter() - began:.2f} s")
    found = probe(path)
    assert (found.width, found.height, found.duration_ms, found.frame_count) == (1280, 720, 5000, 120)
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt, file.streams.audio[0].codec_context.name) == (
            "h264",
            "yuv420p",
            "aac",
        )
        assert "no model" in file.metadata["comment"]
        keys = [frame.time for frame in file.decode(video=0) if frame.key_frame]
    assert max(np.diff(keys)) <= 1.001, "seeking needs a key frame every second"
    start = path.read_bytes()[:4096]
    assert start.find(b"moov") > 0, "the index stands before the pictures"


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({"aspect_ratio": "portrait"}, (720, 1280)),
        ({"quality": "hd"}, (1920, 1080)),
        ({"quality": "hd", "aspect_ratio": "portrait"}, (1080, 1920)),
    ],
)
def test_shape_and_quality_decide_the_size(
    params: dict[str, str], size: tuple[int, int], run: Callable[..., Path], request_of: RequestOf
) -> None:
    found = probe(run(request_of("text-to-video", prompt="night city rain", duration_s=1, **params)))
    assert ((found.width, found.height), found.duration_ms) == (size, 1000)


@pytest.mark.parametrize("place", sorted(PLACES))
def test_every_place_moves_and_is_no_blank(place: str, run: Callable[..., Path], request_of: RequestOf) -> None:
    words = {
        "under": "underwater whale",
        "valley": "mountain lake aurora lanterns",
        "sea": "ocean lighthouse balloon",
        "meadow": "meadow fireflies at night",
    }
    prompt = words.get(place, place)
    assert plan_of(prompt, np.random.default_rng(1)).place == place
    shown = frames(run(request_of("text-to-video", prompt=prompt, duration_s=1)))
    assert len(shown) == 24
    assert shown[0][:720].std() > 8
    assert np.abs(shown[0].astype(int) - shown[-1]).mean() > 0.2


def test_the_same_request_gives_the_same_pixels_and_another_seed_others(run: Callable[..., Path], request_of: RequestOf) -> None:
    ask = {"prompt": "雪夜的城市", "duration_s": 1}
    first, again = (frames(run(request_of("text-to-video", seed=7, attempt=attempt, **ask))) for attempt in (1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    other = frames(run(request_of("text-to-video", seed=8, **ask)))
    assert not np.array_equal(first[0], other[0])
    reworded = frames(run(request_of("text-to-video", seed=7, duration_s=1, prompt="雪夜的城市。")))
    assert not np.array_equal(first[0], reworded[0])


def test_a_directive_leaves_the_pixels_alone(run: Callable[..., Path], request_of: RequestOf) -> None:
    plain = frames(run(request_of("text-to-video", prompt="desert", duration_s=1)))
    slow = frames(run(request_of("text-to-video", prompt="desert [[fail:1]]", duration_s=1, attempt=2)))
    assert np.array_equal(plain[10], slow[10])


def test_words_of_both_languages_pick_the_picture() -> None:
    for english, chinese in (
        ("sunset over the ocean", "海上日落"),
        ("snow in the forest at night", "夜晚的森林下雪"),
        ("rainy neon city", "霓虹城市的雨"),
    ):
        one, two = (plan_of(text, np.random.default_rng(1)) for text in (english, chinese))
        assert (one.place, one.hour, one.weather) == (two.place, two.hour, two.weather)


def test_image_to_video_shows_the_image_and_moves(run: Callable[..., Path], request_of: RequestOf, make_image: MakeImage) -> None:
    given = EngineInput("image_0", make_image("a.png", (640, 360)), "image/png", None)
    shown = frames(run(request_of("image-to-video", (given,), prompt="gentle", duration_s=2)))
    assert len(shown) == 48
    luma = shown[24][100:600].astype(int)
    assert luma[:, -1].mean() != pytest.approx(luma[:, 0].mean(), abs=10), "the gradient of the image is there"
    assert np.abs(shown[0].astype(int) - shown[-1]).mean() > 1


def test_image_to_video_takes_tiny_turned_and_several_images(
    run: Callable[..., Path], request_of: RequestOf, make_image: MakeImage
) -> None:
    images = (make_image("dot.png", (1, 1)), make_image("tall.webp", (30, 500)), make_image("odd.jpg", (333, 77)))
    given = tuple(EngineInput(f"image_{index}", path, "image/png", None) for index, path in enumerate(images))
    found = probe(run(request_of("image-to-video", given, prompt="雪", aspect_ratio="portrait", duration_s=3)))
    assert (found.width, found.height, found.duration_ms) == (720, 1280, 3000)


@pytest.mark.parametrize("kind", ["animate-move", "animate-mix"])
@pytest.mark.parametrize(("size", "seconds", "out"), [((160, 90), 1.35, (1280, 720)), ((90, 160), 0.7, (720, 1280))])
def test_animate_lasts_as_long_as_its_video(
    kind: str,
    size: tuple[int, int],
    seconds: float,
    out: tuple[int, int],
    run: Callable[..., Path],
    request_of: RequestOf,
    make_image: MakeImage,
    make_video: MakeVideo,
) -> None:
    video = make_video("v.mp4", size, seconds)
    given = (EngineInput("image", make_image(), "image/jpeg", None), EngineInput("video", video, "video/mp4", probe(video).duration_ms))
    path = run(request_of(kind, given, mode="wan-std"))
    found = probe(path)
    assert (found.width, found.height) == out
    assert found.duration_ms == pytest.approx(seconds * 1000, abs=25)
    shown = frames(path)
    assert np.abs(shown[0].astype(int) - shown[-1]).mean() > 0.2


def test_animate_refuses_a_video_beyond_thirty_seconds(
    engine: BuiltinEngine, request_of: RequestOf, make_image: MakeImage, make_video: MakeVideo, tmp_path: Path
) -> None:
    given = (EngineInput("image", make_image(), "image/jpeg", None), EngineInput("video", make_video(), "video/mp4", 31_000))
    with pytest.raises(Rejected, match="30 seconds"):
        engine.run(request_of("animate-mix", given), workdir=tmp_path, progress=lambda _: None, cancelled=lambda: False)


def test_fail_is_final_and_fail_n_passes(engine: BuiltinEngine, request_of: RequestOf, tmp_path: Path, run: Callable[..., Path]) -> None:
    def go(prompt: str, attempt: int) -> None:
        request = request_of("text-to-video", prompt=prompt, duration_s=1, attempt=attempt)
        engine.run(request, workdir=tmp_path, progress=lambda _: None, cancelled=lambda: False)

    with pytest.raises(Rejected):
        go("a [[fail]]", 5)
    for attempt in (1, 2):
        with pytest.raises(Temporary):
            go("a [[fail:2]]", attempt)
    assert not (tmp_path / "output.mp4").exists()
    run(request_of("text-to-video", prompt="a [[fail:2]]", duration_s=1, attempt=3))


def test_a_directive_comes_with_an_inputs_address_where_there_is_no_prompt(
    engine: BuiltinEngine, request_of: RequestOf, make_image: MakeImage, tmp_path: Path
) -> None:
    given = EngineInput("image", make_image(), "image/jpeg", None, query="directive=fail")
    with pytest.raises(Rejected):
        engine.run(request_of("animate-move", (given,)), workdir=tmp_path, progress=lambda _: None, cancelled=lambda: False)


def test_slow_takes_its_time_and_tells_its_progress(engine: BuiltinEngine, request_of: RequestOf, tmp_path: Path) -> None:
    told: list[tuple[float, float]] = []
    began = time.monotonic()
    engine.run(
        request_of("text-to-video", prompt="desert [[slow:2]]", duration_s=1),
        workdir=tmp_path,
        progress=lambda percent: told.append((time.monotonic(), percent)),
        cancelled=lambda: False,
    )
    assert time.monotonic() - began > 2
    percents = [percent for _, percent in told]
    assert percents == sorted(percents)
    assert 30 < np.median(percents) < 95
    waiting = [at for at, percent in told if percent < 90]
    assert np.median(np.diff(waiting)) < 0.6


def test_hang_ends_only_when_it_is_cancelled(engine: BuiltinEngine, request_of: RequestOf, tmp_path: Path) -> None:
    until = time.monotonic() + 1.0
    status = engine.run(
        request_of("text-to-video", prompt="a [[hang]]"),
        workdir=tmp_path,
        progress=lambda _: None,
        cancelled=lambda: time.monotonic() > until,
    )
    assert status.state == "cancelled"
    assert 0 <= time.monotonic() - until < 30


def test_cancelling_stops_the_drawing_at_once(engine: BuiltinEngine, request_of: RequestOf, tmp_path: Path) -> None:
    percents: list[float] = []
    status = engine.run(
        request_of("text-to-video", prompt="ocean", duration_s=30),
        workdir=tmp_path,
        progress=percents.append,
        cancelled=lambda: bool(percents) and percents[-1] > 5,
    )
    assert status.state == "cancelled"
    assert percents[-1] < 50
    assert not status.outputs


def test_an_unknown_kind_or_a_missing_input_is_refused(engine: BuiltinEngine, request_of: RequestOf, tmp_path: Path) -> None:
    for kind in ("poetry", "image-to-video", "animate-move"):
        with pytest.raises(Rejected):
            engine.run(request_of(kind, prompt="x"), workdir=tmp_path, progress=lambda _: None, cancelled=lambda: False)


def test_the_showcase_is_large_enough_and_speaks_both_languages() -> None:
    assert len(SHOWCASE) >= 6
    assert len({piece.slug for piece in SHOWCASE}) == len(SHOWCASE)
    for piece in SHOWCASE:
        assert all((piece.title_zh, piece.title_en, piece.description_zh, piece.description_en, piece.tags_zh, piece.tags_en))
        assert set(piece.params) >= {"prompt", "aspect_ratio", "quality"}
