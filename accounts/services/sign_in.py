"""Signing in by something proven: found, linked, restored or born in one transaction."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.exceptions import UserBanned, UsernameTaken
from accounts.locks import name_lock, user_lock
from accounts.models import Identity, User
from accounts.services.user import GRACE, user_create, user_erase, user_restore, username_free
from config.kernel import clock
from config.kernel.errors import NotSignedIn

NAME_TRIES = 5


@dataclass(frozen=True, slots=True)
class SignIn:
    """Who signed in; `is_new`: the account was made by it, `is_restored`: its deletion was taken back by it."""

    user: User
    is_new: bool = False
    is_restored: bool = False


def sign_in_by_identity(
    *,
    kind: str,
    subject: str,
    wish: str,
    proven_email: str = "",
    at: dt.datetime | None = None,
    **profile: Any,
) -> SignIn:
    """The user behind a proven identity is found, linked by the proven e-mail, or made with `wish` as name.

    `profile` goes to `user_create`. Locks the identity's and the e-mail's name, then the user's row.
    Raises UserBanned. After the 30 days of a deletion the old account is erased and a new one made.
    """
    now = at or clock.now()
    with transaction.atomic():
        for name in sorted({f"{kind}:{subject}", *([f"email:{proven_email}"] if proven_email else [])}):
            name_lock("identity", name)
        user = _found(kind, subject, now) or _linked(kind, subject, proven_email, now)
        if user is not None:
            return sign_in_existing(user=user, at=now)
        proven = [(kind, subject), *([(Identity.Kind.EMAIL.value, proven_email)] if proven_email else [])]
        return SignIn(_born(wish, proven=proven, at=now, **profile), is_new=True)


def sign_in_existing(*, user: User, at: dt.datetime | None = None) -> SignIn:
    """The user may sign in; a deletion requested less than 30 days ago is taken back.

    Raises UserBanned, NotSignedIn (erased or closed).
    """
    if user.banned_at is not None:
        raise UserBanned()
    if not user.is_active or user.erased_at is not None:
        raise NotSignedIn()
    if user.deletion_requested_at is None:
        return SignIn(user)
    if not user_restore(user_id=user.pk, at=at):
        raise NotSignedIn()
    user.deletion_requested_at = None
    return SignIn(user, is_restored=True)


def _found(kind: str, subject: str, at: dt.datetime) -> User | None:
    """The owner of the identity; one whose 30 days are over is erased first and is nobody then."""
    owner_id = Identity.objects.filter(kind=kind, subject=subject).values_list("user_id", flat=True).first()
    user = user_lock(owner_id) if owner_id is not None else None
    if user is None or user.deletion_requested_at is None or user.deletion_requested_at > at - GRACE:
        return user
    return None if user_erase(user_id=user.pk, at=at) else user


def _linked(kind: str, subject: str, proven_email: str, at: dt.datetime) -> User | None:
    """The user who proved the same e-mail, who now has this identity too."""
    user = _found(Identity.Kind.EMAIL, proven_email, at) if proven_email else None
    if user is not None and user.banned_at is None:
        Identity.objects.create(user=user, kind=kind, subject=subject, verified_at=at)
    return user


def _born(wish: str, **fields: Any) -> User:
    """A new user whose name is `wish` or close to it; another who takes the name meanwhile only costs a try."""
    for _ in range(NAME_TRIES):
        try:
            return user_create(username=username_free(wish), **fields)
        except UsernameTaken:
            continue
    raise UsernameTaken()
