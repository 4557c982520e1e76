"""Byte ranges, as RFC 9110 §14 has them."""

from __future__ import annotations

import pytest

from generation.web.ranges import Span, Unsatisfiable, spans_of


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=0-99", [(0, 99)]),
        ("bytes=0-1000", [(0, 99)]),
        ("bytes=50-", [(50, 99)]),
        ("bytes=-10", [(90, 99)]),
        ("bytes=-1000", [(0, 99)]),
        ("BYTES = 1-2", [(1, 2)]),
        ("bytes=0-9,90-99", [(0, 9), (90, 99)]),
        ("bytes=0-9, 200-300", [(0, 9)]),
        ("bytes=10-5", None),
        ("bytes=a-b", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=1", None),
        ("items=0-5", None),
        ("bytes=٣-٤", None),
        ("bytes=0-,0-,0-", None),
        ("bytes=" + ",".join(["0-0"] * 17), None),
        ("bytes=" + "9" * 5000 + "-", None),
    ],
)
def test_reads_the_header(header: str, spans: list[tuple[int, int]] | None) -> None:
    found = spans_of(header, 100)
    assert found == (None if spans is None else [Span(*span) for span in spans])


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=500-600", "bytes=-0"])
def test_a_range_outside_the_file_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        spans_of(header, 100)
