"""What became of evidence from outside, written on its notice, and the alarm when it was refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from payments.models import Notice, Order
from payments.services.alarm import alarm_raise
from payments.states import NoticeFate

ALARMS = {
    "another amount": "wrong_amount",
    "another currency": "wrong_currency",
    "another order": "wrong_order",
    "another checkout": "wrong_order",
    "another charge": "wrong_order",
    "another channel": "wrong_order",
    "unknown order": "wrong_order",
    "another merchant": "wrong_merchant",
}
"""Why evidence was refused → the alarm's kind."""
OTHER = "notice_refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the evidence, and why."""

    fate: NoticeFate
    reason: str = ""


def notice_decide(notice_id: int, verdict: Verdict, order: Order | None, at: dt.datetime) -> bool:
    """The notice's fate is `verdict`; False if it was decided before (another delivery was faster)."""
    waiting = Notice.objects.filter(pk=notice_id, fate=NoticeFate.RECEIVED)
    return waiting.update(fate=verdict.fate, reason=verdict.reason[:200], order=order, decided_at=at) == 1


def verdict_alarm(verdict: Verdict, *, subject: str, text: str, at: dt.datetime) -> None:
    """A refusal raises its alarm, in the caller's transaction; any other verdict does nothing. `text`: what the evidence says."""
    if verdict.fate == NoticeFate.REFUSED:
        alarm_raise(kind=ALARMS.get(verdict.reason, OTHER), subject=subject, text=f"Refused ({verdict.reason}): {text}", at=at)
