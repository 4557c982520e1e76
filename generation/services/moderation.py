"""Moderation: what is refused before it costs anything."""

from __future__ import annotations

import re
from functools import cache

from django.conf import settings

from generation.exceptions import SensitiveContent

DIRECTIVE = re.compile(r"\[\[sensitive\]\]\s*$")
WORDS = (
    "child porn",
    "child pornography",
    "child sexual",
    "csam",
    "lolicon",
    "儿童色情",
    "兒童色情",
    "幼女色情",
)
"""The short list that ships: what is refused everywhere. An installation's own words come from `SENSITIVE_WORDS`."""


def judge_prompt(prompt: str) -> None:
    """Nothing happens for a prompt that may be made. Raises SensitiveContent; in demo mode also for the directive `[[sensitive]]`.

    Words match in any case, whole where they are Latin, anywhere where they are Chinese. Source: contracts/README, last section.
    """
    if settings.DEMO and DIRECTIVE.search(prompt):
        raise SensitiveContent()
    words = (*WORDS, *settings.SENSITIVE_WORDS)
    if _pattern(words).search(" ".join(prompt.casefold().split())):
        raise SensitiveContent()


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern over all words, compiled once a list."""
    parts = (rf"\b{re.escape(word.casefold())}\b" if word.isascii() else re.escape(word) for word in words)
    return re.compile("|".join(parts))
