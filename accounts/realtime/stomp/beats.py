"""STOMP's heart-beats: what both sides agree on, what is due, and when silence is too long."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from django.conf import settings

from accounts.realtime.stomp.frames import Version
from accounts.realtime.stomp.refusal import Refused

EARLY = 0.9
"""A beat leaves before its time is over: it has a way to go."""
MISSED_MAX = 3


@dataclass(slots=True)
class Beats:
    """Both hearts of a conversation, in seconds of `time.monotonic`. Until `agree` nobody promised anything."""

    say_every_s: float = 0.0
    silence_s: float = 0.0
    heard_at: float = field(default_factory=time.monotonic)
    said_at: float = field(default_factory=time.monotonic)

    def agree(self, offered: str, version: Version) -> dict[str, str]:
        """The client's `heart-beat` header is agreed to; returns ours. Raises Refused for what are not two numbers."""
        can_ms, wants_ms = _numbers(offered)
        if version == "1.0":
            return {}
        ours_ms = settings.REALTIME_STOMP_BEAT_MS
        self.say_every_s = max(wants_ms, ours_ms) / 1000 * EARLY if wants_ms else 0.0
        self.silence_s = max(max(can_ms, ours_ms) / 1000 * MISSED_MAX, settings.REALTIME_SILENCE_S) if can_ms else 0.0
        return {"heart-beat": f"{ours_ms},{ours_ms}"}

    def is_silent(self, now: float) -> bool:
        """True when the client promised to beat and did not."""
        return bool(self.silence_s) and now - self.heard_at > self.silence_s

    def is_due(self, now: float) -> bool:
        """True when we have said nothing for as long as we promised."""
        return bool(self.say_every_s) and now - self.said_at >= self.say_every_s

    def next_s(self, now: float) -> float:
        """How long until one of both may be true; endless when neither side promised anything."""
        say_s = self.said_at + self.say_every_s - now if self.say_every_s else math.inf
        return min(say_s, self.heard_at + self.silence_s - now if self.silence_s else math.inf)


def _numbers(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isascii() and part.strip().isdigit() and len(part) < 12 for part in parts):
        raise Refused("heart-beat is two numbers")
    return int(parts[0]), int(parts[1])
