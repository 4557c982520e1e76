"""Moderation: what is refused before it costs anything, and what operators learn of it."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from config.kernel import clock
from generation.engines.builtin.directives import directive_of_query
from generation.exceptions import ModerationUnavailable, SensitiveContent
from generation.kinds import KINDS
from generation.models import ModerationHit
from generation.moderators.base import Finding, Moderator, Unanswered
from generation.moderators.outside import Outside
from generation.moderators.words import Words

log = logging.getLogger(__name__)

TEXTS = ("prompt", "negative_prompt")
"""The parameters that are judged; each moderator says what it looks for in which."""
SENSITIVE = "[[sensitive]]"
WORDS: Moderator = Words()
OUTSIDE: Moderator = Outside()
CATEGORY_MAX, EXCERPT_MAX = 120, 300
HIT_LIFE = dt.timedelta(days=180)


def texts_judge(*, user_id: int, kind: str, params: Mapping[str, Any], prove: Callable[[], object] | None = None) -> None:
    """Nothing happens for texts that may be made. Raises SensitiveContent; ModerationUnavailable if `MODERATION_REQUIRED`.

    The words judge first; then, where one is configured, the moderator outside. Whatever is stopped, or passes unjudged, is
    recorded for operators at once, outside any transaction of the order. `prove` is called before something is recorded or
    sent away: it raises unless the caller is who they say. Moves nothing; a call to the network may take `MODERATION_TIMEOUT_S`.
    """
    texts = {name: params[name] for name in TEXTS if isinstance(params.get(name), str)}
    if not texts.get("prompt") and _is_refusal_asked(kind, params):
        texts["prompt"] = SENSITIVE
    finding = WORDS.judge(texts)
    if finding is None and not settings.MODERATION_URL:
        return
    if prove is not None:
        prove()
    if finding is None:
        _judge_outside(user_id, kind, texts)
        return
    _record(ModerationHit.Verdict.REFUSED, WORDS.name, finding, user_id, kind, texts)
    raise SensitiveContent()


def _is_refusal_asked(kind: str, params: Mapping[str, Any]) -> bool:
    """Whether an input's address says `?directive=sensitive`, in demo mode: where a kind has no prompt to say it in."""
    named = [params.get(declared.param) for declared in KINDS[kind].inputs] if settings.DEMO else []
    addresses = [address for value in named for address in (value if isinstance(value, list) else [value]) if isinstance(address, str)]
    asked = (directive_of_query(urlsplit(address).query) for address in addresses)
    return any(directive is not None and directive.name == "sensitive" for directive in asked)


def hits_expire() -> int:
    """What was recorded half a year ago is gone (business time): it is people's own words. Returns how many rows."""
    return ModerationHit.objects.filter(created_at__lt=clock.now() - HIT_LIFE).delete()[0]


def _judge_outside(user_id: int, kind: str, texts: Mapping[str, str]) -> None:
    try:
        finding = OUTSIDE.judge(texts)
    except Unanswered as error:
        verdict = ModerationHit.Verdict.UNAVAILABLE if settings.MODERATION_REQUIRED else ModerationHit.Verdict.UNJUDGED
        log.warning("the moderator outside gave no verdict: %s", error)
        _record(verdict, OUTSIDE.name, Finding("prompt", str(error)), user_id, kind, texts)
        if settings.MODERATION_REQUIRED:
            raise ModerationUnavailable() from error
        return
    if finding is not None:
        _record(ModerationHit.Verdict.REFUSED, OUTSIDE.name, finding, user_id, kind, texts)
        raise SensitiveContent()


def _record(verdict: str, moderator: str, finding: Finding, user_id: int, kind: str, texts: Mapping[str, str]) -> None:
    ModerationHit.objects.create(
        user_id=user_id,
        verdict=verdict,
        moderator=moderator,
        category=finding.category.replace("\0", "")[:CATEGORY_MAX],
        kind=kind,
        field=finding.field,
        excerpt=texts.get(finding.field, "").replace("\0", "")[:EXCERPT_MAX],
        created_at=clock.now(),
    )
