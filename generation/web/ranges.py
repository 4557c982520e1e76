"""The arithmetic of byte ranges (RFC 9110 §14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

RANGES_MAX = 16
SPEC = re.compile(r"(\d*)-(\d*)", re.ASCII)


class Unsatisfiable(Exception):
    """No byte of the file lies in what was asked for."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end`, both included."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.end - self.start + 1

    def content_range(self, total: int) -> str:
        """The `Content-Range` of this part."""
        return f"bytes {self.start}-{self.end}/{total}"


def spans_of(header: str, total: int) -> list[Span] | None:
    """The parts that a `Range` header asks for, in its order; None when it is to be ignored (malformed, other unit, too many).

    Raises Unsatisfiable when it is well-formed and none of it lies in the file.
    """
    unit, mark, text = header.partition("=")
    specs = [spec.strip() for spec in text.split(",")]
    if unit.strip().lower() != "bytes" or not mark or len(specs) > RANGES_MAX:
        return None
    spans: list[Span] = []
    for spec in specs:
        found = SPEC.fullmatch(spec)
        if found is None or spec == "-" or len(spec) > 40:
            return None
        if found[1] and found[2] and int(found[1]) > int(found[2]):
            return None
        span = _span(found[1], found[2], total)
        if span is not None:
            spans.append(span)
    if not spans:
        raise Unsatisfiable
    if sum(span.size for span in spans) > total:
        return None  # overlapping parts that are more than the whole: the whole is cheaper
    return spans


def _span(first: str, last: str, total: int) -> Span | None:
    if not first:
        count = min(int(last), total)
        return Span(total - count, total - 1) if count else None
    if int(first) >= total:
        return None
    return Span(int(first), min(int(last), total - 1) if last else total - 1)
