"""The room's locks: taken inside a transaction, by primary key or by name."""

from __future__ import annotations

from accounts.models import User
from config.kernel.sql import fetch_one


def name_lock(space: str, subject: str) -> None:
    """Until the transaction ends nobody else holds the lock named `subject` in `space` (an advisory lock)."""
    fetch_one("SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))", (f"{space}:{subject}",))


def user_lock(user_id: int) -> User | None:
    """The user's row, locked until the transaction ends; None if there is no such user."""
    return User.objects.select_for_update(of=("self",)).filter(pk=user_id).first()
