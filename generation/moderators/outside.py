"""A moderator outside, asked in the protocol of OpenAI's `/v1/moderations`, which others speak too.

Source: https://platform.openai.com/docs/api-reference/moderations
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings

from config.kernel import outbound
from config.kernel.errors import DomainError
from generation.moderators.base import Finding, Unanswered

JUDGED = "prompt"
"""Only what is wanted is sent: a negative prompt names what is not, and a judge of sentences would take it for a wish."""
ANSWER_BYTES = 256 * 1024
SILENCE_S = 5.0
"""After a silence nobody waits for the moderator again for this long."""
_silent_until = 0.0


class Outside:
    """Stops what the service at `MODERATION_URL` flags. One bounded call of at most `MODERATION_TIMEOUT_S`, never in a transaction."""

    name = "outside"

    def judge(self, texts: Mapping[str, str]) -> Finding | None:
        text = texts.get(JUDGED, "").strip()
        if not text:
            return None
        if time.monotonic() < _silent_until:
            raise Unanswered("it was silent a moment ago")
        categories = _categories(_asked(text))
        return None if categories is None else Finding(JUDGED, ", ".join(categories) or "flagged")


def _asked(text: str) -> bytes:
    """The body of the moderator's answer. Raises Unanswered."""
    global _silent_until
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if settings.MODERATION_API_KEY:
        headers["Authorization"] = f"Bearer {settings.MODERATION_API_KEY}"
    body = orjson.dumps({"model": settings.MODERATION_MODEL, "input": text})
    try:
        answer = outbound.post(
            settings.MODERATION_URL,
            body,
            headers,
            timeout_s=settings.MODERATION_TIMEOUT_S,
            body_limit_bytes=ANSWER_BYTES,
            is_operators=True,
        )
    except DomainError as error:
        _silent_until = time.monotonic() + SILENCE_S
        raise Unanswered(str(error)[:120]) from error
    if answer.status != 200:
        raise Unanswered(f"it answered {answer.status}")
    return answer.body_start


def _categories(body: bytes) -> list[str] | None:
    """The names of what was flagged, None if nothing was. Raises Unanswered for anything but a verdict."""
    try:
        result: Any = orjson.loads(body)["results"][0]
        flagged, named = result["flagged"], result.get("categories")
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise Unanswered("its answer is no verdict") from error
    if not isinstance(flagged, bool):
        raise Unanswered("its answer is no verdict")
    categories = named.items() if isinstance(named, dict) else ()
    return [str(name) for name, is_found in categories if is_found is True] if flagged else None
