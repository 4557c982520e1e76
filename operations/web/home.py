"""What the first page shows: real films, real prices, receipts that add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from credits.models import Campaign
from generation.web.results import local_link
from generation.web.wording import ASPECT, QUALITY, TEXT_TO_IMAGE, TEXT_TO_VIDEO, kind_label
from operations.models import ShowcaseVideo
from operations.selectors.showcase import showcase_first
from operations.templatetags.pages import credits_text, number, shape_of, spell
from operations.web.prices import Listed, PriceBook

SHOWN = 24
BALANCE_EXAMPLE = 1304
SECONDS_HELD, SECONDS_MADE = 11, 8
GIFT_CREDITS = 100
IMAGE_OFFERS = ("stargraph/text2img", "stargraph/img2img", "stargraph/upscale")


@dataclass(frozen=True, slots=True)
class ShownWork:
    """One film of the showcase, as a page hangs it."""

    title: str
    prompt: str
    href: str
    remix: str
    src: str
    poster: str
    shape: str
    duration_ms: int | None
    frame: str
    note: str
    tags: tuple[str, ...]
    cost: int | None = None

    @property
    def length(self) -> str:
        """How long it plays, in words."""
        return spell((self.duration_ms or 0) / 1000)


def shown_work(video: ShowcaseVideo, cost: int | None = None) -> ShownWork:
    """`video` in the reader's language; `cost` is what a film like it costs today."""
    is_english = get_language() == "en"
    prompt = video.prompt or (is_english and video.description_en) or video.description
    asset = video.video
    form = shape_of(asset.width, asset.height)
    wish = {"kind": TEXT_TO_VIDEO.name, "prompt": prompt, "aspect_ratio": "portrait" if form == "v" else "landscape"}
    return ShownWork(
        title=(is_english and video.title_en) or video.title,
        prompt=prompt,
        href=reverse("showcase", args=[video.pk]),
        remix=f"{reverse('create')}?{urlencode(wish)}",
        src=local_link(asset),
        poster=local_link(asset.thumbnail),
        shape=form,
        duration_ms=asset.duration_ms,
        frame=f"{asset.width} × {asset.height}",
        note=", ".join(video.tags[:2]),
        tags=tuple(video.tags),
        cost=cost,
    )


def standard_cost(book: PriceBook) -> int:
    """What a standard film from a sentence costs."""
    listed = book.price(TEXT_TO_VIDEO.offer, {"quality": "standard"})
    return listed.amount if listed else 0


def showcase_work(pk: int) -> ShownWork | None:
    """One film on show, or None."""
    video = ShowcaseVideo.objects.filter(pk=pk, is_active=True).select_related("video__thumbnail").first()
    return shown_work(video, standard_cost(PriceBook())) if video else None


def sign_in_work() -> ShownWork | None:
    """The film beside the sign-in form."""
    found = showcase_first(limit=2)
    return shown_work(found[-1]) if found else None


def home_context(tag: str) -> dict[str, Any]:
    """Everything the first page's template prints; `tag` narrows the hang."""
    book = PriceBook()
    cost = standard_cost(book)
    found = [shown_work(video) for video in showcase_first(limit=SHOWN)]
    hero = found[0] if found else None
    return {
        "hero": hero,
        "standard_cost": cost,
        "beside": found[1:4],
        "works": [work for work in found[1:] if not tag or tag in work.tags] or found[:1],
        "tags": _tags(found, tag),
        "materials": _materials(book, found),
        "examples": _examples(book),
        "gift_note": _gift_note(cost),
        "base_url": settings.PUBLIC_BASE_URL,
        "example_prompt": _("A blue whale passes slowly above a diver"),
        "hd_cost": _amount(book.price(TEXT_TO_VIDEO.offer, {"quality": "hd"})),
    }


def _tags(works: list[ShownWork], current: str) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(name for work in works for name in work.tags))[:5]
    everything = {"label": _("All"), "name": "", "href": f"{reverse('home')}#showcase", "current": current not in names}
    query = [{"label": name, "name": name, "href": f"?{urlencode({'tag': name})}#showcase", "current": name == current} for name in names]
    return [everything, *query] if names else []


def _gift_note(cost: int) -> str:
    """What the sign-up gift is good for; nothing while its campaign is exhausted."""
    if not cost or not Campaign.objects.filter(slug="sign-up", remaining_credits__gte=GIFT_CREDITS).exists():
        return ""
    clips = GIFT_CREDITS // cost
    enough = ngettext("%(n)s standard clip", "%(n)s standard clips", clips) % {"n": number(clips)}
    return _("%(credits)s on signing up: enough for %(clips)s.") % {"credits": credits_text(GIFT_CREDITS), "clips": enough}


def _amount(listed: Listed | None) -> int:
    return listed.amount if listed else 0


def _from(listed: Listed | None) -> str:
    if listed is None:
        return ""
    return _("from %(credits)s") % {"credits": credits_text(listed.amount)}


def _materials(book: PriceBook, works: list[ShownWork]) -> list[dict[str, Any]]:
    """The four materials with the lowest price of each; those that pages cannot make yet say so and lead nowhere."""
    later = _("Not open yet")
    poster = works[min(1, len(works) - 1)].poster if works else ""
    rows: list[dict[str, Any]] = [
        {"name": _("Video"), "about": _("From a sentence, a picture or a movement, wide or tall."), "offers": ("video/text",)},
        {"name": _("Images"), "about": _("From text or from a picture, enlarged or posed."), "offers": IMAGE_OFFERS},
        {"name": _("Writing"), "about": _("Fourteen forms, streamed as they are written."), "offers": ("studio/writing",)},
        {"name": _("Slides"), "about": _("An outline becomes a deck you can edit, with speaker notes."), "offers": ("studio/ppt",)},
    ]
    icons = ("icons/film.svg", "icons/image.svg", "icons/pen.svg", "icons/deck.svg")
    for row, icon in zip(rows, icons, strict=True):
        price = _from(book.lowest(*row["offers"]))
        row.update(price=price if icon in icons[:2] else f"{price} · {later}" if price else later, icon=icon)
    rows[0].update(href=reverse("create"), poster=poster)
    rows[1].update(href=f"{reverse('create')}?kind={TEXT_TO_IMAGE.name}")
    rows[2].update(text=(_("A bookshop in rain"), _("After the bell on the door, the rain grew quieter.")))
    return rows


def _examples(book: PriceBook) -> dict[str, dict[str, Any]]:
    """Three receipts at today's prices, each adding up."""
    worked = standard_cost(book)
    failed = _amount(book.price("video/image-to-video", {"quality": "hd"}))
    rate = _amount(book.price("video/animate-move", {"mode": "wan-std"}))
    held, cost = rate * SECONDS_HELD, rate * SECONDS_MADE
    return {
        "worked": {
            "before": BALANCE_EXAMPLE,
            "label": f"{kind_label('text-to-video')} · {QUALITY.label_of('standard')} · {ASPECT.label_of('landscape')}",
            "cost": worked,
            "after": BALANCE_EXAMPLE - worked,
        },
        "failed": {
            "before": BALANCE_EXAMPLE - worked,
            "label": f"{kind_label('image-to-video')} · {QUALITY.label_of('hd')} · {ASPECT.label_of('landscape')}",
            "cost": failed,
        },
        "timed": {
            "label": kind_label("animate-move"),
            "rate": _("%(credits)s a second") % {"credits": credits_text(rate)},
            "held_s": SECONDS_HELD,
            "made_s": SECONDS_MADE,
            "held": held,
            "rest": held - cost,
            "cost": cost,
        },
    }
