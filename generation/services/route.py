"""The circuit breaker: an engine that keeps failing is left alone for a while."""

from __future__ import annotations

import datetime as dt
import logging

from config.kernel import clock
from config.kernel.errors import NotConfigured
from generation.engines.registry import adapter_of
from generation.models import Attempt, Engine
from generation.states import REFUSED, WORKER_LOST, AttemptState

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 5
WINDOW_S = 600
BREAK_S = 60


def runs_here(engine: Engine) -> bool:
    """Whether the engine works inside the worker; one whose adapter this release does not have counts as elsewhere."""
    try:
        return adapter_of(engine).runs_here
    except NotConfigured:
        return False


def engine_judge(engine: Engine) -> bool:
    """Whether the engine is broken now: its last five judged attempts within ten minutes all failed; it then rests for 60 s.

    One success mends it. Engines inside the worker rest never: there is nothing between us and them that could break.
    """
    if runs_here(engine):
        return False
    since = clock.real_now() - dt.timedelta(seconds=WINDOW_S)
    ended = Attempt.objects.filter(engine=engine, sent_at__gt=since, ended_at__isnull=False)
    judged = (
        ended.exclude(verdict__startswith=REFUSED).exclude(verdict=WORKER_LOST).exclude(state=AttemptState.CANCELLED).order_by("-ended_at")
    )
    last = list(judged.values_list("state", flat=True)[:FAILURES_IN_A_ROW])
    is_broken = len(last) == FAILURES_IN_A_ROW and AttemptState.SUCCEEDED not in last
    _break_until(engine, clock.real_now() + dt.timedelta(seconds=BREAK_S) if is_broken else None)
    return is_broken


def _break_until(engine: Engine, until: dt.datetime | None) -> None:
    if until is not None:
        log.error("engine %s is broken: its last %s attempts failed; it rests until %s", engine.name, FAILURES_IN_A_ROW, until)
    if until is not None or engine.broken_until is not None:
        Engine.objects.filter(pk=engine.pk).update(broken_until=until)
