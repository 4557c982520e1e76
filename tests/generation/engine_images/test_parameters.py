"""Every parameter can be seen in the picture, and the same request makes the same bytes in every process."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from generation.engines.base import EngineInput, EngineRequest
from generation.engines.builtin.adapter import BuiltinEngine
from generation.engines.builtin.palette import plan_of
from tests.generation.media.conftest import MakeImage

Make = Callable[..., np.ndarray]
ASKED: dict[str, Any] = {"prompt": "a mountain lake at dawn", "seed": 7, "width": 256, "height": 192}


@pytest.fixture
def shown(engine: BuiltinEngine, request_of: Callable[..., EngineRequest], tmp_path: Path) -> Make:
    numbers = iter(range(1000))

    def go(kind: str = "text2img", inputs: tuple[EngineInput, ...] = (), alias: str = "sora2", **params: Any) -> np.ndarray:
        folder = tmp_path / f"work{next(numbers)}"
        folder.mkdir()
        asked = request_of(kind, inputs, **{**ASKED, **params})
        asked = EngineRequest(asked.task_uuid, kind, alias, asked.params, inputs, 1, None)
        (output,) = engine.run(asked, workdir=folder, progress=lambda _: None, cancelled=lambda: False).outputs
        assert output.path is not None
        with Image.open(output.path) as image:
            return np.asarray(image.convert("RGB"), np.int16)

    return go


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def saturation(shown: np.ndarray) -> float:
    return float((shown.max(axis=2) - shown.min(axis=2)).mean())


def detail(shown: np.ndarray) -> float:
    """How sharply brightness changes at the sharpest places (the line of the caption left out)."""
    return float(np.sort(np.abs(np.diff(shown[:150, :, 1], axis=1)).ravel())[-2000:].mean())


def test_steps_refine(shown: Make) -> None:
    found = [shown(steps=steps, sampler="euler", negative_prompt="grain") for steps in (2, 8, 20, 150)]
    soft, middle, usual, fine = (detail(picture) for picture in found)
    assert soft < middle < usual < fine
    assert apart(found[0], found[3]) > 4


def test_prompt_weight_is_colour_and_contrast(shown: Make) -> None:
    found = [shown(cfg_scale=weight) for weight in (0, 3, 7.5, 30)]
    assert all(saturation(one) * 1.15 < saturation(two) for one, two in itertools.pairwise(found))
    assert found[0].std() < found[3].std()


@pytest.mark.parametrize(("name", "names"), [
    ("sampler", ("euler", "heun", "dpmpp_2m", "ddim", "uni_pc", "lcm")),
    ("scheduler", ("normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta")),
    ("alias", ("stable-diffusion-xl-base-1.0", "stable-diffusion-v1-5", "stable-video-diffusion")),
])  # fmt: skip
def test_each_sampler_scheduler_and_model_has_a_look_of_its_own(name: str, names: tuple[str, ...], shown: Make) -> None:
    found = [shown(**{name: value}) for value in names]
    for (one, first), (two, second) in itertools.combinations(zip(names, found, strict=True), 2):
        assert apart(first, second) > 0.8, (one, two)


def test_what_is_to_be_avoided_is_not_there() -> None:
    def plan(prompt: str, avoided: str) -> Any:
        return plan_of(prompt, np.random.default_rng(1), avoided)

    assert plan("snow in the forest with a fox", "").weather == "snow"
    bare = plan("snow in the forest with a fox", "snow, an animal such as a fox")
    assert (bare.place, bare.weather, bare.figures, bare.shunned) == ("forest", "clear", frozenset(), {"fox"})
    assert all(plan_of("", np.random.default_rng(seed), "mountains, sea, 沙漠").place in ("meadow", "forest") for seed in range(30))


def test_a_negative_prompt_takes_its_colour_out_and_changes_the_picture(shown: Make) -> None:
    plain, cold = (shown(prompt="sunset desert", negative_prompt=words) for words in ("", "red, orange, yellow"))
    warmth = [float((picture[..., 0] - picture[..., 2]).mean()) for picture in (plain, cold)]
    assert warmth[1] < warmth[0] - 15
    assert apart(plain, shown(prompt="sunset desert", negative_prompt="dark")) > 5
    assert apart(plain, shown(prompt="sunset desert", negative_prompt="低质量,模糊,变形")) > 0.5


def test_denoise_is_how_much_of_a_drawn_picture_emerges(shown: Make) -> None:
    whole = shown(denoise=1.0)
    away = [apart(whole, shown(denoise=share)) for share in (0.9, 0.5, 0.0)]
    assert 0 < away[0] < away[1] < away[2]


def test_denoise_and_strength_both_hold_a_made_over_picture_to_its_input(shown: Make, make_image: MakeImage) -> None:
    path = make_image("a.png", (256, 192))
    with Image.open(path) as image:
        before = np.asarray(image.convert("RGB"), np.int16)
    given = (EngineInput("image", path, "image/png", None),)
    away = [apart(before, shown("img2img", given, strength=1.0, denoise=share)) for share in (0, 0.4, 1.0)]
    assert away[0] == 0
    assert 1 < away[1] < away[2]


def test_another_seed_is_clearly_another_picture(shown: Make) -> None:
    for prompt in ("sunset ocean lighthouse", "neon city in the rain", "desert", "underwater whale", "一只可爱的猫咪在花园里玩耍"):
        found = [shown(prompt=prompt, seed=seed) for seed in (1, 2, 3)]
        assert all(apart(one, two) > 6 for one, two in itertools.combinations(found, 2)), prompt


def test_the_documents_own_example_shows_its_cat(shown: Make) -> None:
    words = "一只可爱的猫咪在花园里玩耍"
    for seed in (1, 2, 3):
        there, away = shown(prompt=words, seed=seed), shown(prompt=words, seed=seed, negative_prompt="猫")
        assert plan_of(words, np.random.default_rng(seed)).place == "meadow"
        bright = (there[100:150] > 150).all(axis=2) & (np.abs(there - away)[100:150].max(axis=2) > 40)
        assert bright.sum() > 40, "its chest is pale"


SCRIPT = """
import django, hashlib, json, pathlib, sys, tempfile, types, uuid
django.setup()
from generation.engines.base import EngineInput, EngineRequest
from generation.engines.builtin.adapter import BuiltinEngine
found, image = [], pathlib.Path(sys.argv[1])
for kind in ("text2img", "img2img", "upscale", "pose", "text2video", "img2video", "tall"):
    given = () if kind.startswith("text") else (EngineInput("image", image, "image/png", None),)
    told = {"prompt": "雪 a lake", "seed": 5, "width": 128, "height": 96, "duration": 1, "negative_prompt": "boat", "sampler": "heun"}
    told = {"scale_factor": 2} if kind == "upscale" else told
    if kind == "tall":  # and full of noise: what x264 takes out of memory that nobody wrote shows here
        kind, told = "img2video", {**told, "width": 200, "height": 1000, "fps": 30, "duration": 2, "steps": 1, "augmentation_level": 1}
    with tempfile.TemporaryDirectory() as folder:
        asked = EngineRequest(uuid.uuid4(), kind, "m", told, given, 1, None)
        engine = BuiltinEngine(types.SimpleNamespace(name="b"))
        made = engine.run(asked, workdir=pathlib.Path(folder), progress=lambda _: None, cancelled=lambda: False)
        found.append(hashlib.sha256(made.outputs[0].path.read_bytes()).hexdigest())
print(json.dumps(found))
"""


def test_all_kinds_make_the_same_bytes_in_every_process(make_image: MakeImage) -> None:
    path = str(make_image("a.png", (120, 90)))

    def run(seed: str, zone: str, memory: str) -> list[str]:
        home = Path(__file__).resolve().parents[3]
        told = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "DJANGO_SETTINGS_MODULE": "config.settings", "MALLOC_PERTURB_": memory}
        child = subprocess.run([sys.executable, "-c", SCRIPT, path], env=told, cwd=home, capture_output=True, check=True)
        found: list[str] = json.loads(child.stdout.splitlines()[-1])
        return found

    first, second = run("1", "UTC", "1"), run("2", "Asia/Shanghai", "170")
    assert first == second
    assert len(set(first)) == 7
    assert all(len(digest) == hashlib.sha256().digest_size * 2 for digest in first)
