"""Cursors of lists: opaque and signed, so that a client can only hand back what it was given."""

from __future__ import annotations

from django.core import signing


def cursor_of(name: str, position: int) -> str:
    """The cursor of list `name` (its viewer and filters belong into the name) after `position`."""
    return signing.Signer(salt=f"cursor:{name}").sign_object(position)


def position_of(name: str, cursor: str) -> int | None:
    """The position in a cursor of exactly this list, or None for anything else."""
    try:
        position = signing.Signer(salt=f"cursor:{name}").unsign_object(cursor)
    except (signing.BadSignature, ValueError):
        return None
    return position if isinstance(position, int) else None
