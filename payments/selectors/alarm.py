"""Reads of what somebody must look at (operators only)."""

from __future__ import annotations

from payments.models import Alarm, Difference


def open_alarms(limit: int = 50) -> list[Alarm]:
    """Alarms that nobody has closed, the latest first."""
    return list(Alarm.objects.filter(closed_at=None).order_by("-last_at")[:limit])


def open_differences(limit: int = 50) -> list[Difference]:
    """Differences between a gateway's days and ours that nobody has closed, newest first, with day and order."""
    rows = Difference.objects.filter(closed_at=None).select_related("statement", "order")
    return list(rows.order_by("-pk")[:limit])
