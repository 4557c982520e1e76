"""Who is asking: the signed-in user, their session and the key they came with."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was proven by an access token, a key, a page's session, or a token and a key together.

    `session_id` is None for a caller by personal key alone; `scopes` None means unlimited (a session).
    `by_key_alone` marks an application key without a user's token: it may only read tasks made with it.
    """

    user_id: int
    user_uuid: UUID
    session_id: UUID | None = None
    api_key_id: int | None = None
    scopes: frozenset[str] | None = None
    is_operator: bool = False
    second_factor: bool = False
    by_key_alone: bool = False
    language: str = "zh-CN"
