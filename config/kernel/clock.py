"""Time. Business time can be moved in demo mode; tokens and leases keep real time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_offset_source: Callable[[], dt.timedelta] | None = None


def offset_source_set(source: Callable[[], dt.timedelta] | None) -> None:
    """Business time is real time plus `source()` from now on (demo mode); None: no offset."""
    global _offset_source
    _offset_source = source


def real_now() -> dt.datetime:
    """The time of the machine, aware, UTC."""
    return dt.datetime.now(dt.UTC)


def now() -> dt.datetime:
    """Business time, aware, UTC: what money, deadlines of orders and days are judged by."""
    offset = _offset_source() if _offset_source else dt.timedelta()
    return real_now() + offset


def day_of(at: dt.datetime) -> dt.date:
    """The calendar day of `at` in Asia/Shanghai, where every business day begins and ends."""
    return at.astimezone(SHANGHAI).date()


def iso_z(at: dt.datetime | None) -> str | None:
    """ISO 8601 in UTC with `Z`, whole seconds; None stays None."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
