"""Putting videos on show, and counting who looked."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F

from config.kernel.errors import NotFound
from generation.models import Asset
from operations.models import ShowcaseVideo


def showcase_view(*, video_id: int) -> ShowcaseVideo:
    """The video on show, seen once more (one guarded statement, so parallel viewers all count). Raises NotFound."""
    seen = ShowcaseVideo.objects.filter(pk=video_id, is_active=True).update(view_count=F("view_count") + 1)
    video = ShowcaseVideo.objects.select_related("video", "video__thumbnail").filter(pk=video_id).first() if seen else None
    if video is None:
        raise NotFound()
    return video


def showcase_add(
    *,
    video: Asset,
    title: str,
    title_en: str = "",
    description: str = "",
    description_en: str = "",
    prompt: str = "",
    tags: tuple[str, ...] = (),
    display_order: int = 0,
    at: dt.datetime,
) -> ShowcaseVideo:
    """The asset is on show, and it and its poster are public from now on; an asset that is on show already stays as it is."""
    with transaction.atomic():
        shown, _ = ShowcaseVideo.objects.get_or_create(
            video=video,
            defaults={
                "title": title,
                "title_en": title_en,
                "description": description,
                "description_en": description_en,
                "prompt": prompt,
                "tags": list(tags),
                "display_order": display_order,
                "created_at": at,
            },
        )
        showcase_publish(shown)
    return shown


def showcase_publish(shown: ShowcaseVideo) -> None:
    """The file and the poster of a video on show are public: their links need no signature."""
    ids = [shown.video_id, *Asset.objects.filter(pk=shown.video_id, thumbnail__isnull=False).values_list("thumbnail_id", flat=True)]
    Asset.objects.filter(pk__in=ids, is_public=False).update(is_public=True)
