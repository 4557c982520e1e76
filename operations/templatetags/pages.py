"""How the pages write numbers, lengths of time, shapes and languages."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext

register = template.Library()
HAN = re.compile(r"[\u3400-\u9fff]")
KANA = re.compile(r"[\u3040-\u30ff]")
HANGUL = re.compile(r"[\uac00-\ud7af]")
LATIN = re.compile(r"[A-Za-z]")
SHANGHAI = dt.timezone(dt.timedelta(hours=8))
SHAPES = (("v", 0.66), ("p", 0.78), ("o", 0.9), ("q", 1.3))
"""Class of a work and the width/height below which a picture has it; wider ones are `w`."""


@register.filter
def number(value: int | None) -> str:
    """1284 → 1,284; a missing number is a dash."""
    return "–" if value is None else f"{value:,}".replace("-", "−")


@register.filter
def signed(value: int) -> str:
    """−30, +30, 0, with the real minus."""
    return f"+{value:,}" if value > 0 else number(value)


@register.filter
def negative(value: int) -> str:
    """What is taken: 30 → −30, 0 stays 0."""
    return signed(-value)


@register.filter("credits")
def credits_text(value: int) -> str:
    """A number of credits with its unit."""
    return ngettext("%(n)s credit", "%(n)s credits", value) % {"n": number(value)}


@register.filter("clock")
def clock_text(duration_ms: int | None) -> str:
    """Milliseconds as a player shows them: 8000 → 0:08."""
    seconds = round((duration_ms or 0) / 1000)
    return f"{seconds // 60}:{seconds % 60:02d}"


@register.filter
def spell(seconds: float | None) -> str:
    """Seconds in words, rounded: 112 → 1 min 52 s."""
    whole = max(round(seconds or 0), 0)
    if whole < 60:
        return gettext("%(s)s s") % {"s": whole}
    minutes, rest = divmod(whole, 60)
    return gettext("%(m)s min %(s)s s") % {"m": minutes, "s": rest} if rest else gettext("%(m)s min") % {"m": minutes}


@register.filter
def when(moment: dt.datetime | None) -> str:
    """A moment as the reader of a studio says it, on the platform's day (Asia/Shanghai)."""
    if moment is None:
        return gettext("never")
    local, today = moment.astimezone(SHANGHAI), timezone.now().astimezone(SHANGHAI).date()
    if local.date() == today:
        return gettext("today %(time)s") % {"time": f"{local:%H:%M}"}
    if local.date() == today - dt.timedelta(days=1):
        return gettext("yesterday %(time)s") % {"time": f"{local:%H:%M}"}
    return f"{local:%Y-%m-%d %H:%M}"


@register.filter("shape")
def shape_of(width: int | None, height: int | None) -> str:
    """The class of a work by its own shape: w, q, o, p or v."""
    ratio = width / height if width and height else 16 / 9
    return next((name for name, limit in SHAPES if ratio < limit), "w")


@register.filter
def lang_of(text: str) -> str:
    """The `lang` of a phrase somebody wrote; the page's own where the script does not tell."""
    for pattern, name in ((HANGUL, "ko"), (KANA, "ja"), (HAN, "zh-CN"), (LATIN, "en")):
        if pattern.search(text):
            return name
    return page_lang()


@register.simple_tag(takes_context=True)
def frame(context: template.Context) -> Any:
    """What stands around every page: language, theme, who is signed in."""
    from operations.web.context import Page  # it prints with the filters above

    return Page(context["request"])


def page_lang() -> str:
    """The `lang` attribute of a page in the active language."""
    language = get_language() or "zh-hans"
    return "zh-CN" if language.startswith("zh") else language
