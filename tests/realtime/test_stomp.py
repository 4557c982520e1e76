"""STOMP's frames, whatever way they are cut, and what is refused while it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.realtime.stomp.frames import BODY_MAX_BYTES, Frame, Malformed, Parser, Version, chosen_version, encoded


def parsed(data: bytes, version: Version | None = "1.2", step: int = 10**9) -> list[Frame]:
    parser = Parser()
    parser.version = version
    return [frame for at in range(0, len(data), step) for frame in parser.feed(data[at : at + step])]


STREAM = (
    "\n\r\nSEND\ndestination:/app/x\na:1\na:2\ncontent-length:7\n\n猫\0\0和".encode()
    + b"\0"
    + b"\n\n\nSUBSCRIBE\r\nid:0\r\n\r\n\0SEND\n\nbody\0"
)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 1000])
def test_the_same_frames_however_the_stream_is_cut(step: int) -> None:
    data = STREAM.replace(b"content-length:7", b"content-length:8")
    assert parsed(data, step=step) == [
        Frame("SEND", {"destination": "/app/x", "a": "1", "content-length": "8"}, "猫\0\0和".encode()),
        Frame("SUBSCRIBE", {"id": "0"}),
        Frame("SEND", {}, b"body"),
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.0", r"a\nb\c\\:x"), ("1.1", "a\nb:\\:x"), ("1.2", "a\nb:\\:x")],
)
def test_headers_are_unescaped_as_the_version_has_it(version: Version, expected: str) -> None:
    assert parsed(rb"SEND" + b"\n" + rb"k:a\nb\c\\:x" + b"\n\n\0", version)[0].headers == {"k": expected}


def test_connect_is_never_unescaped_and_others_have_carriage_returns_in_1_2_only() -> None:
    assert parsed(b"CONNECT\nk:a\\tb\n\n\0", None)[0].headers == {"k": "a\\tb"}
    assert parsed(b"SEND\nk:a\\rb\n\n\0", "1.2")[0].headers == {"k": "a\rb"}
    with pytest.raises(Malformed):
        parsed(b"SEND\nk:a\\rb\n\n\0", "1.1")
    with pytest.raises(Malformed):
        parsed(b"SEND\r\n\r\n\0", "1.1")


def test_blanks_are_trimmed_in_1_0_only() -> None:
    assert parsed(b"SEND\nk : v \n\n\0", "1.0")[0].headers == {"k": "v"}
    assert parsed(b"SEND\nk : v \n\n\0", "1.2")[0].headers == {"k ": " v "}


BAD: list[tuple[str, bytes]] = [
    ("unknown command", b"HELLO\n\n\0"),
    ("server's command", b"MESSAGE\n\n\0"),
    ("endless command", b"A" * 100),
    ("no colon", b"SEND\nabc\n\n\0"),
    ("no name", b"SEND\n:v\n\n\0"),
    ("not UTF-8", b"SEND\na:\xff\n\n\0"),
    ("command not ASCII", b"\xff\xfe\n\n\0"),
    ("undefined escape", b"SEND\na:\\t\n\n\0"),
    ("escape at the end", b"SEND\na:\\\n\n\0"),
    ("endless line", b"SEND\na:" + b"x" * 9000),
    ("endless headers", b"SEND\n" + b"a:b\n" * 66),
    ("giant head", b"SEND\n" + (b"a:" + b"x" * 6000 + b"\n") * 4),
    ("NUL in headers", b"SEND\na:b\0"),
    ("long body without length", b"SEND\n\n" + b"x" * (BODY_MAX_BYTES + 1)),
    ("long body", b"SEND\ncontent-length:%d\n\n" % (BODY_MAX_BYTES + 1)),
    ("negative length", b"SEND\ncontent-length:-1\n\n\0"),
    ("wrong length", b"SEND\ncontent-length:1\n\nxyz\0"),
]


@pytest.mark.parametrize("data", [data for _, data in BAD], ids=[name for name, _ in BAD])
def test_refuses_as_soon_as_it_can(data: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        parsed(data)
    assert not set(":\\\r\n") & set(str(refusal.value))
    with pytest.raises(Malformed):
        parsed(data, step=1)


def test_the_largest_body_passes() -> None:
    body = b"x" * BODY_MAX_BYTES
    assert parsed(b"SEND\n\n" + body + b"\0")[0].body == body


@pytest.mark.parametrize(
    ("accepted", "expected"), [(None, "1.0"), ("1.0,1.1", "1.1"), ("1.2, 1.1,1.0", "1.2"), ("1.1,9", "1.1"), ("2.0", None)]
)
def test_the_highest_common_version_is_chosen(accepted: str | None, expected: str | None) -> None:
    assert chosen_version(accepted) == expected


def test_writes_what_the_version_escapes() -> None:
    headers = {"id": "a:b\\c\nd\re"}
    assert encoded("MESSAGE", headers, "猫".encode(), version="1.2") == "MESSAGE\nid:a\\cb\\\\c\\nd\\re\n\n猫\0"
    assert encoded("MESSAGE", headers, version="1.1") == "MESSAGE\nid:a\\cb\\\\c\\nd\re\n\n\0"
    assert encoded("CONNECTED", {"id": "a:b"}, version="1.2") == "CONNECTED\nid:a:b\n\n\0"


BYTES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"SEND\n", b"CONNECT\n", b"a:b\n", b"\n", b"\r\n", b"\0", b"content-length:2\n", b"\\c", b":", b"\n\n\0"]),
)


def _outcome(pieces: list[bytes], version: Version) -> tuple[list[Frame], bool]:
    parser, found = Parser(), list[Frame]()
    parser.version = version
    try:
        for piece in pieces:
            found.extend(parser.feed(piece))
    except Malformed:
        return found, True
    return found, False


@given(pieces=st.lists(BYTES, max_size=20), version=st.sampled_from(["1.0", "1.1", "1.2"]))
def test_any_bytes_are_frames_or_malformed_and_never_anything_else(pieces: list[bytes], version: Version) -> None:
    data = b"".join(pieces)
    frames, is_malformed = _outcome([data[at : at + 1] for at in range(len(data))], version)
    assert _outcome(pieces, version)[1] == is_malformed
    if not is_malformed:
        assert _outcome(pieces, version)[0] == frames


VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(value=VALUES, body=st.binary(max_size=200))
def test_what_is_written_is_read_again(value: str, body: bytes) -> None:
    """In 1.2 every value but one with NUL has a spelling; `content-length` lets a body hold anything."""
    head = encoded("SEND", {"k": value, "content-length": str(len(body))}).encode().removesuffix(b"\0")
    assert parsed(head + body + b"\0") == [Frame("SEND", {"k": value, "content-length": str(len(body))}, body)]
