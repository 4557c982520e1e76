"""A file is what its bytes are, within limits."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from generation.exceptions_media import MediaInvalid, MediaTooLarge
from generation.media import judged, probe, thumbnail
from generation.media.probe import Probe
from tests.generation.media.conftest import MakeImage, MakeVideo


@pytest.mark.parametrize(
    ("name", "content_type", "extension"), [("a.jpg", "image/jpeg", "jpg"), ("a.png", "image/png", "png"), ("a.webp", "image/webp", "webp")]
)
def test_knows_images_by_content_whatever_their_name(
    name: str, content_type: str, extension: str, make_image: MakeImage, tmp_path: Path
) -> None:
    path = make_image(name, (70, 50)).rename(tmp_path / "virus.exe")
    assert probe(path) == Probe("image", content_type, extension, 70, 50)


def test_turns_images_by_their_orientation(make_image: MakeImage, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = make_image("turned.jpg", (120, 60), exif=exif)
    found = probe(path)
    thumbnail(path, found, tmp_path / "small.jpg")
    assert (found.width, found.height) == (60, 120)
    assert Image.open(tmp_path / "small.jpg").size == (60, 120)


@pytest.mark.parametrize(
    ("name", "codec", "container", "content_type"),
    [
        ("a.mp4", "libx264", "mp4", "video/mp4"),
        ("a.mov", "libx264", "mov", "video/quicktime"),
        ("a.avi", "mpeg4", "avi", "video/x-msvideo"),
        ("a.webm", "libvpx", "webm", "video/webm"),
    ],
)
def test_knows_videos_and_measures_them_exactly(name: str, codec: str, container: str, content_type: str, make_video: MakeVideo) -> None:
    found = probe(make_video(name, (96, 64), 2.35, codec=codec, container=container))
    assert (found.kind, found.content_type, found.width, found.height) == ("video", content_type, 96, 64)
    assert found.frame_count == 47
    assert found.duration_ms == pytest.approx(2350, abs=51 if container == "webm" else 2)


def test_one_pixel_is_an_image(make_image: MakeImage, tmp_path: Path) -> None:
    found = judged(make_image("dot.png", (1, 1)), tmp_path / "small.jpg")
    assert (found.probe.width, found.probe.height) == (1, 1)
    assert Image.open(found.thumbnail).size == (1, 1)


def test_the_thumbnail_is_the_picture_after_one_second(make_video: MakeVideo, tmp_path: Path) -> None:
    path = make_video("late.mp4", (1280, 720), 2.0, dark_until_s=0.95, rate=20)
    thumbnail(path, probe(path), tmp_path / "small.jpg")
    small = Image.open(tmp_path / "small.jpg")
    assert (small.format, small.size) == ("JPEG", (640, 360))
    assert max(small.convert("L").tobytes()) > 150


def test_transparent_images_get_a_white_ground(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    thumbnail(tmp_path / "clear.png", probe(tmp_path / "clear.png"), tmp_path / "small.jpg")
    assert Image.open(tmp_path / "small.jpg").getpixel((20, 20)) == (255, 255, 255)


def _png(width: int, height: int, data: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
    return buffer.getvalue()


def test_too_many_pixels_are_too_large_however_many_they_claim(tmp_path: Path) -> None:
    for size in ((8193, 1), (8000, 8000), (20_000, 20_000), (60_000, 60_000)):
        (tmp_path / "large.png").write_bytes(_png(*size, bytes(100)))
        with pytest.raises(MediaTooLarge, match="8192 pixels"):
            probe(tmp_path / "large.png")


HOSTILE = {
    "empty.jpg": b"",
    "page.jpg": b"<!doctype html><script>alert(1)</script>",
    "drawing.png": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "archive.png": _zip(),
    "gif.gif": b"GIF89a" + bytes(40),
    "playlist.mp4": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "head-only.jpg": b"\xff\xd8\xff\xe0" + bytes(60),
    "html-after-mark.jpg": b"\xff\xd8\xff<script>alert(1)</script>",
    "bomb.png": _png(20_000, 20_000, bytes(3_000_000)),
    "wide.png": _png(30_000, 10, bytes(900_010)),
    "no-area.png": _png(0, 0, b""),
    "short.png": _png(400, 400, bytes(100)),
    "bare.mp4": struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + bytes(100),
    "bare.avi": b"RIFF\x10\x00\x00\x00AVI " + bytes(100),
    "bare.webm": b"\x1a\x45\xdf\xa3\x01\x00\x00\x00webm" + bytes(100),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_refuses_hostile_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    with pytest.raises(MediaInvalid):
        probe(path)
    with pytest.raises(MediaInvalid):
        judged(path, tmp_path / "small.jpg")
    assert not (tmp_path / "small.jpg").exists()


def test_a_file_of_two_natures_is_only_ever_its_first(make_image: MakeImage, tmp_path: Path) -> None:
    path = tmp_path / "both.jpg"
    path.write_bytes(make_image().read_bytes() + _zip() + b"<script>alert(1)</script>")
    assert probe(path).content_type == "image/jpeg"


def test_refuses_a_video_that_was_cut_off(make_video: MakeVideo, tmp_path: Path) -> None:
    for options in ({"movflags": "+faststart"}, {}):
        whole = make_video("whole.mp4", (320, 240), 4, options=options).read_bytes()
        (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(MediaInvalid):
            probe(tmp_path / "cut.mp4")


def test_refuses_a_video_without_pictures(tmp_path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(tmp_path / "sound.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 44100), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with pytest.raises(MediaInvalid, match="holds no video"):
        probe(tmp_path / "sound.mp4")


def test_header_dimensions_beyond_the_limit_are_refused_before_decoding(make_video: MakeVideo) -> None:
    path = make_video("wide.mp4", (9000, 32), 0.1)
    with pytest.raises(MediaInvalid, match="larger than"):
        probe(path)


def test_a_decoder_that_hangs_or_crashes_is_the_files_fault(make_image: MakeImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from generation.media import judge

    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\nexec sleep 30\n")
    crasher = tmp_path / "crash"
    crasher.write_text("#!/bin/sh\nkill -SEGV $$\n")
    monkeypatch.setattr(judge, "TIME_LIMIT_S", 0.3)
    for script in (sleeper, crasher):
        script.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(script))
        with pytest.raises(MediaInvalid):
            judged(make_image(), tmp_path / "small.jpg")
