"""The built-in engine draws stills: the same bytes for the same request, and what it was given can be seen in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from generation.engines.base import EngineInput, EngineRequest, Rejected, Temporary
from generation.engines.builtin.adapter import BuiltinEngine
from generation.media import probe
from tests.generation.media.conftest import MakeImage

RequestOf = Callable[..., EngineRequest]
Make = Callable[[EngineRequest], list[Path]]
SMALL = {"width": 128, "height": 96}
ASKED = {"prompt": "一只可爱的猫咪在花园里玩耍", "seed": 7, **SMALL}


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    settings.DEMO = True


@pytest.fixture
def made(engine: BuiltinEngine, tmp_path: Path) -> Make:
    numbers = iter(range(100))

    def go(request: EngineRequest) -> list[Path]:
        folder = tmp_path / f"work{next(numbers)}"
        folder.mkdir()
        status = engine.run(request, workdir=folder, progress=lambda _: None, cancelled=lambda: False)
        assert (status.state, status.progress) == ("succeeded", 100.0)
        return [output.path for output in status.outputs if output.path is not None]

    return go


def given(path: Path) -> tuple[EngineInput, ...]:
    return (EngineInput("image", path, "image/png", None),)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far two pictures are apart, in steps of brightness."""
    return float(np.abs(one - other).mean())


def test_a_picture_is_a_png_of_the_asked_size_that_is_no_blank(made: Make, request_of: RequestOf) -> None:
    (path,) = made(request_of("text2img", **ASKED))
    found = probe(path)
    assert (found.content_type, found.width, found.height) == ("image/png", 128, 96)
    assert pixels(path).std() > 8
    with Image.open(path) as image:
        assert "no model" in image.info["Comment"]


def test_the_same_prompt_seed_and_size_give_the_same_bytes(made: Make, request_of: RequestOf) -> None:
    first, again = (made(request_of("text2img", attempt=attempt, **ASKED))[0].read_bytes() for attempt in (1, 2))
    assert first == again
    for other in ({"seed": 8}, {"prompt": "desert"}, {"width": 136}):
        assert made(request_of("text2img", **{**ASKED, **other}))[0].read_bytes() != first, other


def test_number_n_of_a_batch_is_what_seed_plus_n_makes_alone(made: Make, request_of: RequestOf) -> None:
    batch = [path.read_bytes() for path in made(request_of("text2img", batch_size=3, **ASKED))]
    alone = [made(request_of("text2img", **{**ASKED, "seed": seed}))[0].read_bytes() for seed in (7, 8, 9)]
    assert batch == alone
    assert len(set(batch)) == 3


def test_the_smallest_and_the_largest_size_can_be_drawn(made: Make, request_of: RequestOf) -> None:
    for width, height in ((64, 64), (64, 2048), (2048, 64)):
        for prompt in ("ocean lighthouse", "underwater whale", "city tram", "forest fox", "space", "desert", "meadow", "valley lanterns"):
            (path,) = made(request_of("text2img", prompt=prompt, seed=1, width=width, height=height))
            assert (probe(path).width, probe(path).height) == (width, height)


def test_numbers_beyond_the_kinds_limits_are_refused(made: Make, request_of: RequestOf) -> None:
    for wrong in ({"width": 2056}, {"height": 100}, {"batch_size": 9}, {"steps": 151}, {"seed": "x"}, {"strength": 1.1}):
        with pytest.raises(Rejected, match=next(iter(wrong))):
            made(request_of("text2img", **{**ASKED, **wrong}))


def test_a_made_over_picture_leaves_its_input_the_further_the_stronger(made: Make, request_of: RequestOf, make_image: MakeImage) -> None:
    path = make_image("a.png", (128, 96))
    before = pixels(path)
    steps = []
    for strength in (0, 0.3, 1.0):
        (after,) = made(request_of("img2img", given(path), prompt="snow", seed=1, strength=strength))
        assert probe(after).width == 128, "without a size asked for, the input's"
        steps.append(apart(before, pixels(after)))
    assert steps[0] == 0
    assert 2 < steps[1] < steps[2]


def test_a_made_over_picture_follows_prompt_and_seed_and_still_shows_its_input(
    made: Make, request_of: RequestOf, make_image: MakeImage
) -> None:
    asked = {"prompt": "snow", "seed": 1, "strength": 0.5, **SMALL}
    one = made(request_of("img2img", given(make_image("a.png", (128, 96))), **asked))[0]
    assert one.read_bytes() == made(request_of("img2img", given(make_image("a.png", (128, 96))), **asked))[0].read_bytes()
    for other in ({"prompt": "sunset ocean"}, {"seed": 2}):
        changed = made(request_of("img2img", given(make_image("a.png", (128, 96))), **{**asked, **other}))[0]
        assert apart(pixels(one), pixels(changed)) > 1, other
    shown = pixels(one)[:, :, 0]
    assert shown[10:30, -20:].mean() > shown[10:30, :20].mean() + 20, "the gradient of the input is there"


@pytest.mark.parametrize("factor", [2, 4])
def test_an_enlarged_picture_is_so_many_times_as_large_and_the_same_picture(
    factor: int, made: Make, request_of: RequestOf, make_image: MakeImage
) -> None:
    path = make_image("a.png", (60, 45))
    (large,) = made(request_of("upscale", given(path), scale_factor=factor))
    assert (probe(large).width, probe(large).height) == (60 * factor, 45 * factor)
    with Image.open(large) as image:
        back = np.asarray(image.resize((60, 45), Image.Resampling.BOX), np.int16)
    assert apart(back, pixels(path)) < 4


def test_what_would_become_too_large_is_refused_and_so_is_another_factor(made: Make, request_of: RequestOf, make_image: MakeImage) -> None:
    for size, factor in (((2056, 64), 4), ((4104, 64), 2), ((2000, 2000), 4)):
        with pytest.raises(Rejected, match="at most 8192 a side and 50 megapixels"):
            made(request_of("upscale", given(make_image("a.png", size)), scale_factor=factor))
    with pytest.raises(Rejected, match="scale_factor must be 2 or 4"):
        made(request_of("upscale", given(make_image("a.png")), scale_factor=3))


def skeleton(path: Path, tip: tuple[int, int]) -> Path:
    """A stick figure on black, its one arm reaching to `tip`."""
    sheet = Image.new("RGB", (200, 300), "black")
    draw = ImageDraw.Draw(sheet)
    for line, tint in (
        ([(100, 60), (100, 160)], "red"),
        ([(100, 80), tip], "blue"),
        ([(100, 160), (70, 270)], "yellow"),
        ([(100, 160), (130, 270)], "cyan"),
    ):
        draw.line(line, fill=tint, width=6)
    draw.ellipse([85, 25, 115, 60], fill="white")
    sheet.save(path)
    return path


@pytest.mark.parametrize("control", ["openpose", "canny", "depth"])
def test_a_figure_stands_as_the_given_one(control: str, made: Make, request_of: RequestOf, tmp_path: Path) -> None:
    asked = {"prompt": "a girl in a red dress, snow", "seed": 3, "width": 200, "height": 304, "control_type": control}
    left = pixels(made(request_of("pose", given(skeleton(tmp_path / "l.png", (20, 90))), **asked))[0])
    right = pixels(made(request_of("pose", given(skeleton(tmp_path / "r.png", (180, 90))), **asked))[0])
    bare = pixels(made(request_of("pose", given(tmp_path / "l.png"), **asked, control_strength=0))[0])
    weight = [np.abs(shown - bare).sum(axis=2)[60:110].sum(axis=0) for shown in (left, right)]
    assert weight[0][:60].sum() > 3 * weight[0][140:].sum()
    assert weight[1][140:].sum() > 3 * weight[1][:60].sum()
    torso = left[150, 95:150]
    assert (torso[:, 0] - torso[:, 2]).max() > (40 if control == "depth" else 70), "the words name its colour"


def test_a_picture_without_a_figure_gives_one_that_simply_stands(made: Make, request_of: RequestOf, tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    asked = {"prompt": "desert", "seed": 3, "width": 128, "height": 192}
    shown, bare = (
        pixels(made(request_of("pose", given(tmp_path / "dot.png"), **asked, control_strength=strength))[0]) for strength in (1.0, 0)
    )
    changed = np.abs(shown - bare).sum(axis=2) > 30
    assert changed[:, 56:72].mean() > 0.5
    assert changed[:, :16].mean() < 0.05


def test_directives_work_as_for_long_videos(made: Make, request_of: RequestOf, make_image: MakeImage) -> None:
    with pytest.raises(Rejected, match="asked to"):
        made(request_of("text2img", **{**ASKED, "prompt": "desert [[fail]]"}))
    with pytest.raises(Temporary):
        made(request_of("text2img", **{**ASKED, "prompt": "desert [[fail:1]]"}))
    again = made(request_of("text2img", attempt=2, **{**ASKED, "prompt": "desert [[fail:1]]"}))[0].read_bytes()
    assert again == made(request_of("text2img", **{**ASKED, "prompt": "desert"}))[0].read_bytes()
    asked = (EngineInput("image", make_image("a.png"), "image/png", None, "directive=fail"),)
    with pytest.raises(Rejected, match="asked to"):
        made(request_of("upscale", asked))


def test_a_batch_stops_when_it_is_asked_to(engine: BuiltinEngine, request_of: RequestOf, tmp_path: Path) -> None:
    request = request_of("text2img", batch_size=8, prompt="desert", seed=1, width=1024, height=1024)
    looks = iter([False, True])
    status = engine.run(request, workdir=tmp_path, progress=lambda _: None, cancelled=lambda: next(looks, True))
    assert status.state == "cancelled"
    assert len(list(tmp_path.glob("output_*.png"))) < 8
