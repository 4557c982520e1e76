"""Reads of the showcase: anybody may look at what is on show."""

from __future__ import annotations

from dataclasses import dataclass

from operations.models import ShowcaseVideo

COUNTED_MOST = 10_000
"""Offset pages count and reach at most so many rows (contracts/README.md, "Conventions")."""


@dataclass(frozen=True, slots=True)
class ShowcasePage:
    """One page of the showcase and how many videos there are (at most 10,000 are counted)."""

    videos: list[ShowcaseVideo]
    total: int


def showcase_page(*, page: int, page_size: int) -> ShowcasePage:
    """Page `page` (from 1) of the videos on show, with their files and posters; beyond the end it is empty."""
    shown = ShowcaseVideo.objects.filter(is_active=True)
    total = shown.order_by()[:COUNTED_MOST].count()
    start = (page - 1) * page_size
    if start >= total:
        return ShowcasePage([], total)
    rows = shown.select_related("video", "video__thumbnail").order_by("-display_order", "-id")
    return ShowcasePage(list(rows[start : start + page_size]), total)


def showcase_first(*, limit: int) -> list[ShowcaseVideo]:
    """The first `limit` videos on show, for the pages."""
    rows = ShowcaseVideo.objects.filter(is_active=True).select_related("video", "video__thumbnail")
    return list(rows.order_by("-display_order", "-id")[:limit])
