"""Reads of the event log, from its owner's side."""

from __future__ import annotations

from collections.abc import Collection

from accounts.models import Event, EventHead


def events_after(user_id: int, number: int, *, limit: int = 200) -> list[Event]:
    """The user's events after `number`, oldest first, at most `limit`: what a client that comes back has missed."""
    return list(Event.objects.filter(user_id=user_id, number__gt=number).order_by("number")[:limit])


def last_number(user_id: int) -> int:
    """The number of the user's last event, 0 before the first."""
    return EventHead.objects.filter(pk=user_id).values_list("number", flat=True).first() or 0


def last_numbers(users: Collection[int]) -> dict[int, int]:
    """User → the number of that user's last event; who never had one is missing. One statement."""
    return dict(EventHead.objects.filter(pk__in=users).values_list("pk", "number"))
