"""Reads of identities: who is behind an address, and who has been here before."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac

from django.conf import settings

from accounts.models import ErasedIdentity, Identity, User


def erased_digests(kind: str, subject: str) -> list[bytes]:
    """The keyed hashes under which an erased identity may be remembered, the newest key's first."""
    text = f"{kind}:{subject}".encode()
    return [hmac.digest(hashlib.sha256(b"erased:" + key.encode()).digest(), text, "sha256") for key in settings.ENCRYPTION_KEYS.values()]


def is_returning(user_id: int) -> bool:
    """Whether any identity of this user belonged to an account that was erased: no second sign-up gift."""
    digests = [found for kind, subject in identities_of(user_id) for found in erased_digests(kind, subject)]
    return ErasedIdentity.objects.filter(digest__in=digests).exists() if digests else False


def identities_of(user_id: int) -> list[tuple[str, str]]:
    """The proven identities of this user as (kind, subject)."""
    return list(Identity.objects.filter(user_id=user_id).order_by("id").values_list("kind", "subject"))


def identity_owner(kind: str, subject: str) -> User | None:
    """The user who proved this identity, or None."""
    found = Identity.objects.select_related("user").filter(kind=kind, subject=subject).first()
    return found.user if found else None


def is_proven(user_id: int) -> bool:
    """Whether the user has a proven phone or an outside identity (an e-mail alone proves nobody)."""
    kinds = (Identity.Kind.PHONE, Identity.Kind.GOOGLE, Identity.Kind.WECHAT)
    return Identity.objects.filter(user_id=user_id, kind__in=kinds).exists()


def sign_in_changes(user_id: int, *, since: dt.datetime) -> set[str]:
    """What of this user's sign-in has changed since: `phone` (proven later than on the first day), `password`."""
    user = User.objects.get(pk=user_id)
    born = user.created_at + dt.timedelta(days=1)
    phones = Identity.objects.filter(user_id=user_id, kind=Identity.Kind.PHONE, verified_at__gt=max(since, born))
    changed = {"phone"} if phones.exists() else set()
    return changed | ({"password"} if user.password_changed_at is not None and user.password_changed_at > since else set())
