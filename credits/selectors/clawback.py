"""Who must wait because of a dispute."""

from __future__ import annotations

from credits.models import Clawback


def is_blocked(user_id: int) -> bool:
    """Whether coins of the user's open withdrawals are waited for: nothing of theirs may be paid out."""
    return Clawback.objects.filter(recipient_id=user_id, settled_at=None, blocked__gt=0).exists()
