"""Whatever picture is given, the result really comes from it: seen through transparency, colour spaces, depths, turns and frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageCms

from generation.engines.base import EngineInput, EngineRequest
from generation.engines.builtin.adapter import BuiltinEngine
from generation.exceptions_media import MediaInvalid
from generation.media import probe
from tests.generation.media.conftest import MakeImage, picture

Made = Callable[..., Path]
SIZE = (96, 64)


def plain() -> Image.Image:
    """The left half red, the right half blue."""
    image = Image.new("RGB", SIZE, (200, 40, 30))
    image.paste((30, 60, 190), (SIZE[0] // 2, 0, *SIZE))
    return image


def transparent(path: Path) -> Path:
    image = plain().convert("RGBA")
    image.putalpha(Image.new("L", SIZE, 255))
    image.paste((0, 0, 0, 0), (0, 0, SIZE[0], SIZE[1] // 4))
    image.save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def of_four_inks(path: Path) -> Path:
    plain().convert("CMYK").save(path.with_suffix(".jpg"), quality=95)
    return path.with_suffix(".jpg")


def with_palette(path: Path) -> Path:
    plain().quantize(8).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def turned(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    plain().transpose(Image.Transpose.ROTATE_90).save(path.with_suffix(".jpg"), exif=exif, quality=95)
    return path.with_suffix(".jpg")


def animated(path: Path) -> Path:
    later = Image.new("RGB", SIZE, (0, 255, 0))
    plain().save(path.with_suffix(".webp"), save_all=True, append_images=[later], duration=100, lossless=True)
    return path.with_suffix(".webp")


def with_profile(path: Path) -> Path:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain().save(path.with_suffix(".png"), icc_profile=profile)
    return path.with_suffix(".png")


SPELLINGS = (transparent, of_four_inks, with_palette, turned, animated, with_profile)


@pytest.fixture
def made(engine: BuiltinEngine, request_of: Callable[..., EngineRequest], tmp_path: Path) -> Made:
    numbers = iter(range(100))

    def go(kind: str, path: Path, **params: Any) -> Path:
        folder = tmp_path / f"work{next(numbers)}"
        folder.mkdir()
        found = probe(path)
        given = (EngineInput("image", path, found.content_type, None),)
        status = engine.run(
            request_of(kind, given, **{"seed": 1, "prompt": "", **params}), workdir=folder, progress=lambda _: None, cancelled=lambda: False
        )
        (output,) = status.outputs
        assert output.path is not None
        return output.path

    return go


def shown(path: Path) -> np.ndarray:
    if path.suffix == ".mp4":
        with av.open(str(path)) as file:
            found: np.ndarray = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(np.int16)
            return found
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(float(((one - other) ** 2).mean()), 1e-9)))


def halves(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean colours of the middle of the left and of the right half."""
    high, wide = pixels.shape[:2]
    rows = slice(high * 3 // 8, high * 5 // 8)
    return pixels[rows, wide // 8 : wide * 3 // 8].mean(axis=(0, 1)), pixels[rows, wide * 5 // 8 : wide * 7 // 8].mean(axis=(0, 1))


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_every_spelling_of_a_picture_is_enlarged_as_it_looks(spelled: Callable[[Path], Path], made: Made, tmp_path: Path) -> None:
    large = shown(made("upscale", spelled(tmp_path / "in"), scale_factor=2))
    assert large.shape == (SIZE[1] * 2, SIZE[0] * 2, 3)
    for found, wanted in zip(halves(large), halves(np.asarray(plain(), np.int16)), strict=True):
        assert np.abs(found - wanted).max() < 40
    if spelled is transparent:
        assert large[: SIZE[1] // 4].min() > 240, "what shows through is white"


@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize("kind", ["img2img", "img2video"])
def test_every_spelling_is_made_over_and_moved_as_it_looks(spelled: Callable[[Path], Path], kind: str, made: Made, tmp_path: Path) -> None:
    left, right = halves(shown(made(kind, spelled(tmp_path / "in"), strength=0.3, duration=1, fps=4)))
    assert left[0] > left[2] + 40
    assert right[2] > right[0] + 30


def test_sixteen_bits_of_grey_stay_grey(made: Made, tmp_path: Path) -> None:
    levels = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (48, 1))
    Image.fromarray(levels).save(tmp_path / "deep.png")
    large = shown(made("upscale", tmp_path / "deep.png"))[..., 0]
    assert large[:, :8].mean() < 20
    assert 110 < large[:, 60:68].mean() < 145
    assert large[:, -8:].mean() > 235


@pytest.mark.parametrize("kind", ["img2img", "upscale", "pose", "img2video"])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (301, 1)])
def test_a_tiny_picture_will_do(kind: str, size: tuple[int, int], made: Made, make_image: MakeImage) -> None:
    found = probe(made(kind, make_image("tiny.png", size), duration=1, fps=2))
    if kind == "upscale":
        assert (found.width, found.height) == (size[0] * 2, size[1] * 2)


def test_animated_gifs_and_huge_pictures_are_refused_by_their_bytes(tmp_path: Path) -> None:
    plain().save(tmp_path / "a.gif", save_all=True, append_images=[plain()])
    (tmp_path / "a.gif").rename(tmp_path / "a.png")
    Image.new("1", (8193, 8)).save(tmp_path / "wide.png")
    Image.new("1", (8000, 6251)).save(tmp_path / "many.png")
    for name, why in (("a.png", "use JPEG, PNG or WebP"), ("wide.png", "8192"), ("many.png", "8192")):
        with pytest.raises(MediaInvalid, match=why):
            probe(tmp_path / name)


def test_enlarging_keeps_every_pixel_and_is_better_than_repeating_it(made: Made, tmp_path: Path) -> None:
    spots = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    fine = Image.fromarray(spots).resize((512, 384), Image.Resampling.BICUBIC)
    fine.resize((128, 96), Image.Resampling.BOX).save(tmp_path / "small.png")
    wanted = np.asarray(fine, np.int16)
    large = shown(made("upscale", tmp_path / "small.png", scale_factor=4))
    with Image.open(tmp_path / "small.png") as small:
        repeated = np.asarray(small.resize((512, 384), Image.Resampling.NEAREST), np.int16)
    assert psnr(large, wanted) > psnr(repeated, wanted) > 20


def test_bands_leave_no_seam(made: Made, tmp_path: Path) -> None:
    """A picture of several bands is, to the pixel, what it would be if it were one."""
    rng = np.random.default_rng(3)
    Image.fromarray(rng.integers(0, 255, (300, 40, 3), np.uint8)).save(tmp_path / "tall.png")
    with Image.open(tmp_path / "tall.png") as image:
        part = image.crop((0, 90, 40, 170))
    part.save(tmp_path / "part.png")
    whole, alone = (shown(made("upscale", tmp_path / name, scale_factor=4)) for name in ("tall.png", "part.png"))
    assert np.array_equal(whole[(90 + 10) * 4 : (170 - 10) * 4], alone[40:-40])


@pytest.mark.parametrize("loop", [False, True])
def test_a_clip_of_a_picture_begins_as_the_picture(loop: bool, made: Made, tmp_path: Path) -> None:
    fine = Image.fromarray(picture(256, 192))
    fine.save(tmp_path / "in.png")
    for seed in range(3):
        first = shown(made("img2video", tmp_path / "in.png", seed=seed, duration=1, fps=8, video_loop=loop))
        assert np.abs(first.mean(axis=(0, 1)) - np.asarray(fine, np.int16).mean(axis=(0, 1))).max() < 16
        assert psnr(first, np.asarray(fine, np.int16)) > 13


def test_strength_zero_is_the_picture_and_little_strength_is_near_it(made: Made, tmp_path: Path) -> None:
    Image.fromarray(picture(256, 192)).save(tmp_path / "in.png")
    before = shown(tmp_path / "in.png")
    near = [psnr(shown(made("img2img", tmp_path / "in.png", prompt="sunset sea", strength=share)), before) for share in (0, 0.1, 0.5, 1.0)]
    assert near[0] > 80
    assert near[1] > 24
    assert near[1] > near[2] > near[3]


def test_what_is_made_depends_on_the_picture_that_was_given(made: Made, tmp_path: Path) -> None:
    plain().resize((256, 192)).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "one.png")
    Image.fromarray(picture(256, 192)).save(tmp_path / "two.png")
    for kind in ("img2img", "pose", "img2video"):
        one, two = (
            shown(made(kind, tmp_path / name, prompt="sea", width=256, height=192, duration=1, fps=2)) for name in ("one.png", "two.png")
        )
        assert np.abs(one - two).mean() > 1.5, kind
