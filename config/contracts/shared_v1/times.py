"""Times as documents 002 and 003 write them."""

from __future__ import annotations

import datetime as dt

from config.kernel.clock import SHANGHAI


def local(at: dt.datetime | None) -> str | None:
    """ISO 8601 in UTC+8 without zone, whole seconds; None stays None."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M:%S") if at else None
