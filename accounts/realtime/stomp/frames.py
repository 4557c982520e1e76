"""STOMP 1.0–1.2 as bytes: an incremental reader of client frames and a writer of server frames. No input or output here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Version = Literal["1.0", "1.1", "1.2"]
VERSIONS: tuple[Version, ...] = ("1.0", "1.1", "1.2")
OPENING = frozenset({"CONNECT", "STOMP"})
COMMANDS = OPENING | {"SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT", "ABORT", "DISCONNECT"}
COMMAND_MAX_BYTES = 32
LINE_MAX_BYTES = 8 * 1024
HEAD_MAX_BYTES = 16 * 1024
HEADERS_MAX = 64
BODY_MAX_BYTES = 64 * 1024
ESCAPES: dict[Version, dict[str, str]] = {
    "1.0": {},
    "1.1": {"n": "\n", "c": ":", "\\": "\\"},
    "1.2": {"n": "\n", "c": ":", "\\": "\\", "r": "\r"},
}


class Malformed(Exception):
    """What came is no STOMP, or more of it than is allowed. The text is for the ERROR frame: no colon, backslash or line end."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a client: headers unescaped, the first of repeated ones."""

    command: str
    headers: dict[str, str]
    body: bytes = b""


def chosen_version(accepted: str | None) -> Version | None:
    """The highest version that the `accept-version` header and we share; without the header it is 1.0."""
    wished = {part.strip() for part in (accepted or "1.0").split(",")}
    return next((version for version in reversed(VERSIONS) if version in wished), None)


def encoded(command: str, headers: dict[str, str], body: bytes = b"", *, version: Version = "1.2") -> str:
    """A server's frame as text; header values are escaped as `version` has it, never those of CONNECTED."""
    is_plain = command == "CONNECTED" or version == "1.0"
    lines = [f"{name}:{value if is_plain else _escaped(value, version)}" for name, value in headers.items()]
    return "\n".join([command, *lines, "", body.decode()]) + "\0"


def _escaped(value: str, version: Version) -> str:
    value = value.replace("\\", "\\\\").replace("\n", "\\n").replace(":", "\\c")
    return value.replace("\r", "\\r") if version == "1.2" else value


def _unescaped(text: str, version: Version) -> str:
    if "\\" not in text or version == "1.0":
        return text
    known = ESCAPES[version]
    pieces = iter(text)
    found: list[str] = []
    for piece in pieces:
        if piece != "\\":
            found.append(piece)
            continue
        meant = known.get(next(pieces, ""))
        if meant is None:
            raise Malformed("Undefined escape in a header")
        found.append(meant)
    return "".join(found)


class Parser:
    """Frames out of a stream that is cut anywhere. `version` rules from CONNECT on; until then line ends may be CRLF.

    Limits are judged while data arrives; after `Malformed` the stream is of no more use.
    """

    def __init__(self) -> None:
        self.version: Version | None = None
        self._buffer = bytearray()
        self._at = 0
        self._lines: list[bytes] = []
        self._head_bytes = 0
        self._head: Frame | None = None

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Every frame that `data` completes, one at a time: a frame may change `version` for the next. Raises Malformed."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        if not self._lines and self._head is None:
            self._skip_padding()
        if self._head is None:
            self._read_head()
        return self._read_body(self._head) if self._head is not None else None

    def _skip_padding(self) -> None:
        """Line ends between frames are beats of the heart."""
        if self._buffer.startswith((b"\r", b"\n")):
            self._buffer = self._buffer.lstrip(b"\r\n")

    def _read_head(self) -> None:
        while (end := self._buffer.find(b"\n", self._at)) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._at = 0
            self._judge_line(line)
            line = self._without_cr(line)
            if not line:
                self._head = self._head_of(self._lines)
                self._lines, self._head_bytes = [], 0
                return
            self._lines.append(line)
            self._judge_head(line)
        self._judge_line(self._buffer)
        self._at = len(self._buffer)

    def _without_cr(self, line: bytes) -> bytes:
        return line.removesuffix(b"\r") if self.version in (None, "1.2") else line

    def _judge_line(self, line: bytes | bytearray) -> None:
        if len(line) > (LINE_MAX_BYTES if self._lines else COMMAND_MAX_BYTES):
            raise Malformed("A header line is too long" if self._lines else "Unknown command")
        if b"\0" in line:
            raise Malformed("A frame ends within its headers")

    def _judge_head(self, line: bytes) -> None:
        self._head_bytes += len(line)
        if len(self._lines) == 1 and line.decode("latin-1") not in COMMANDS:
            raise Malformed("Unknown command")
        if self._head_bytes > HEAD_MAX_BYTES or len(self._lines) > HEADERS_MAX + 1:
            raise Malformed("Too many headers")

    def _head_of(self, lines: list[bytes]) -> Frame:
        command = lines[0].decode("ascii")
        version: Version = "1.0" if command in OPENING or self.version is None else self.version
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, value = self._header(line, version, is_opening=command in OPENING)
            headers.setdefault(name, value)
        return Frame(command, headers)

    def _header(self, line: bytes, version: Version, *, is_opening: bool) -> tuple[str, str]:
        try:
            name, colon, value = line.decode().partition(":")
        except UnicodeDecodeError:
            raise Malformed("A header is not UTF-8") from None
        if not colon or not name:
            raise Malformed("A header has no name or no value")
        if version == "1.0" and not is_opening:
            return name.strip(), value.strip()
        return _unescaped(name, version), _unescaped(value, version)

    def _read_body(self, head: Frame) -> Frame | None:
        length = self._length(head)
        if length is None:
            end = self._buffer.find(b"\0", self._at)
            self._at = len(self._buffer) if end < 0 else 0
            if (len(self._buffer) if end < 0 else end) > BODY_MAX_BYTES:
                raise Malformed("The body is too large")
            if end < 0:
                return None
        else:
            end = length
            if len(self._buffer) <= end:
                return None
            if self._buffer[end] != 0:
                raise Malformed("No NUL where content-length ends")
        body = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._head, self._at = None, 0
        return Frame(head.command, head.headers, body)

    @staticmethod
    def _length(head: Frame) -> int | None:
        text = head.headers.get("content-length")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Malformed("content-length is no number")
        if int(text) > BODY_MAX_BYTES:
            raise Malformed("The body is too large")
        return int(text)
