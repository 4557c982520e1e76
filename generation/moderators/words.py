"""The moderator that is always there: words, however they are spelled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from django.conf import settings

from generation.moderators.base import Finding
from generation.moderators.looks import LOOKS

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
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e01ef]"
)
"""Accents, and signs that take no room: joined to letters they spell the same word for whoever reads it."""
SINGLE_SIGNS = re.compile(r"(?<![a-z0-9])[a-z0-9](?: [a-z0-9]){2,}(?![a-z0-9])")
LONG = 8
"""Letters from which a word that is spelled out is found among other letters too; shorter ones stand in other words by chance."""
NEVER = re.compile(r"(?!)")


class Patterns(NamedTuple):
    """A list of words compiled: whole in Latin letters, the same ones spaced out, and those of other writings anywhere."""

    whole: re.Pattern[str]
    spaced: re.Pattern[str]
    anywhere: re.Pattern[str]


class Words:
    """Stops what holds a word of the shipped list or of the operators' own; in demo mode the directive `[[sensitive]]` too.

    Latin words are found whole, in any case, width or accent, with signs or nothing between their parts, or spelled l i k e this;
    words of other writings anywhere; all of them also in letters that look like their own. Source: contracts/README, last section.
    """

    name = "words"

    def judge(self, texts: Mapping[str, str]) -> Finding | None:
        for field, text in texts.items():
            if settings.DEMO and field not in SHIPPED_ONLY and DIRECTIVE.search(text):
                return Finding(field, "[[sensitive]]")
            own = () if field in SHIPPED_ONLY else tuple(settings.SENSITIVE_WORDS)
            word = _found((*SHIPPED, *own), _plain(text))
            if word:
                return Finding(field, word)
        return None


def _found(words: tuple[str, ...], text: str) -> str:
    """The first of the words in the plain text as it is written, else as it looks; "" if it holds none."""
    found = _found_as_written(_patterns(words), _spaced(text))
    for number, look in enumerate(LOOKS):
        read = text if found else text.translate(look)
        if read != text:
            found = _found_as_written(_patterns(words, number), _spaced(read))
    return found


def _found_as_written(patterns: Patterns, text: str) -> str:
    for pattern, part in (
        (patterns.whole, text),
        (patterns.anywhere, text.replace(" ", "")),
        *((patterns.spaced, run.replace(" ", "")) for run in SINGLE_SIGNS.findall(text)),
    ):
        match = pattern.search(part)
        if match:
            return match[0]
    return ""


def _plain(text: str) -> str:
    """`text` in one width and case, without accents and what takes no room."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", UNSEEN.sub("", unicodedata.normalize("NFKD", text)))
    return text.casefold()


def _spaced(text: str) -> str:
    """The letters and digits of a plain text, one space for whatever stands between them."""
    return " ".join(re.findall(r"[^\W_]+", text))


@cache
def _patterns(words: tuple[str, ...], look: int | None = None) -> Patterns:
    """The words as they are written; with `look` as they read then, but for those that only then would be Latin words."""
    written = [word for word in map(_spaced, map(_plain, words)) if word]
    spaced = written if look is None else [word.translate(LOOKS[look]) for word in written]
    latin = [word for word, before in zip(spaced, written, strict=True) if before.isascii()]
    whole = "|".join(re.escape(word).replace(r"\ ", " ?") for word in latin)
    return Patterns(
        re.compile(rf"(?<![a-z0-9])(?:{whole})(?![a-z0-9])") if latin else NEVER,
        _spelled_out([word.replace(" ", "") for word in latin]),
        _any_of(word for word in spaced if not word.isascii()),
    )


def _spelled_out(words: Iterable[str]) -> re.Pattern[str]:
    """A run of single letters: short words are all of it, but for "a" or "i" before them."""
    found = [re.escape(word) if len(word) >= LONG else rf"(?:^|(?<=^a)|(?<=^i)){re.escape(word)}$" for word in words]
    return re.compile("|".join(found)) if found else NEVER


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    joined = [re.escape(word.replace(" ", "")) for word in words]
    return re.compile("|".join(joined)) if joined else NEVER
