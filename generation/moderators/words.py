"""The moderator that is always there: words, however they are spelled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from django.conf import settings

from generation.moderators.base import Finding

DIRECTIVE = re.compile(r"\[\[sensitive\]\]\s*$")
SHIPPED = (
    "child porn",
    "child pornography",
    "child sexual",
    "child sex",
    "kiddie porn",
    "underage porn",
    "underage sex",
    "csam",
    "lolicon",
    "shotacon",
    "儿童色情",
    "兒童色情",
    "幼女色情",
    "幼童色情",
    "未成年色情",
    "児童ポルノ",
    "아동 포르노",
)
"""The short list that ships: what is refused everywhere. An installation's own words come from `SENSITIVE_WORDS`."""
SHIPPED_ONLY = frozenset({"negative_prompt"})
"""What is not wanted in a picture may be named (blood, nudity), so operators' words are not looked for there. The shipped ones are:
nobody needs them to say what to leave out, and engines that know negative weights turn a negative prompt around."""
UNSEEN = re.compile(
    "[\u0300-\u036f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
"""Accents, and signs that take no room: joined to letters they spell the same word for whoever reads it."""
SINGLE_SIGNS = re.compile(r"(?<![a-z0-9])[a-z0-9](?: [a-z0-9]){2,}(?![a-z0-9])")
NEVER = re.compile(r"(?!)")


class Patterns(NamedTuple):
    """A list of words compiled: whole in Latin letters, the same ones spaced out, and those of other writings anywhere."""

    whole: re.Pattern[str]
    spaced: re.Pattern[str]
    anywhere: re.Pattern[str]


class Words:
    """Stops what holds a word of the shipped list or of the operators' own; in demo mode the directive `[[sensitive]]` too.

    Latin words are found whole, in any case, width or accent, with signs or nothing between their parts, or spelled l i k e this;
    words of other writings anywhere. Source: contracts/README, last section.
    """

    name = "words"

    def judge(self, texts: Mapping[str, str]) -> Finding | None:
        for field, text in texts.items():
            if settings.DEMO and field not in SHIPPED_ONLY and DIRECTIVE.search(text):
                return Finding(field, "[[sensitive]]")
            own = () if field in SHIPPED_ONLY else tuple(settings.SENSITIVE_WORDS)
            word = _found(_patterns((*SHIPPED, *own)), _spaced(text))
            if word:
                return Finding(field, word)
        return None


def _found(patterns: Patterns, text: str) -> str:
    """The first word of the list in `text`, "" if it holds none."""
    for pattern, part in (
        (patterns.whole, text),
        (patterns.anywhere, text.replace(" ", "")),
        *((patterns.spaced, run.replace(" ", "")) for run in SINGLE_SIGNS.findall(text)),
    ):
        match = pattern.search(part)
        if match:
            return match[0]
    return ""


def _spaced(text: str) -> str:
    """The letters and digits of `text` in one spelling, one space for whatever stands between them."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", UNSEEN.sub("", unicodedata.normalize("NFKD", text)))
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


@cache
def _patterns(words: tuple[str, ...]) -> Patterns:
    spaced = [word for word in map(_spaced, words) if word]
    latin = [word for word in spaced if word.isascii()]
    whole = "|".join(re.escape(word).replace(r"\ ", " ?") for word in latin)
    return Patterns(
        re.compile(rf"(?<![a-z0-9])(?:{whole})(?![a-z0-9])") if latin else NEVER,
        _any_of(latin),
        _any_of(word for word in spaced if not word.isascii()),
    )


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    joined = [re.escape(word.replace(" ", "")) for word in words]
    return re.compile("|".join(joined)) if joined else NEVER
