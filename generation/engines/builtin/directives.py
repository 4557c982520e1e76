"""Faults that can be asked for in demo mode: `[[fail]]` and its kin at the end of a prompt, or `?directive=fail` on an input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from django.conf import settings

NAMES = frozenset({"fail", "slow", "hang", "sensitive"})
MARK = re.compile(r"\s*\[\[([a-z]+)(?::(\d{1,5}))?\]\]\s*\Z")
SPELLED = re.compile(r"([a-z]+)(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Directive:
    """What was asked for: "fail" (`value` None: for good; n: the first n attempts), "slow" (seconds), "hang", "sensitive"."""

    name: str
    value: int | None = None


def directive_of(prompt: str) -> tuple[str, Directive | None]:
    """The prompt without its directive, and the directive; outside demo mode and for unknown words the prompt as it is.

    Source: contracts/README, "How anything outside talks to a running platform".
    """
    found = MARK.search(prompt) if settings.DEMO else None
    directive = _directive(found) if found else None
    return (prompt[: found.start()], directive) if found and directive else (prompt, None)


def directive_of_query(query: str) -> Directive | None:
    """The directive in the query of an input's address (`directive=fail:2`); None outside demo mode."""
    if not settings.DEMO:
        return None
    found = SPELLED.fullmatch(parse_qs(query).get("directive", [""])[-1])
    return _directive(found) if found else None


def _directive(found: re.Match[str]) -> Directive | None:
    return Directive(found[1], int(found[2]) if found[2] else None) if found[1] in NAMES else None
