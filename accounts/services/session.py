"""Sessions: opened at a sign-in, refreshed in the form they were born with, revoked at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.exceptions import UserBanned
from accounts.models import Session, User
from accounts.services.token import Claims, real, token_issue, token_verify
from config.kernel import clock
from config.kernel.errors import NotSignedIn
from config.kernel.ids import digest, public_uuid

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets: `expires_in` is the access token's life in seconds; `refresh_token` is "" where none is answered."""

    access_token: str
    refresh_token: str
    expires_in: int
    session_id: UUID


def session_open(
    *,
    user: User,
    form: str,
    access_life_s: int,
    refresh_life_s: int,
    address: str | None = None,
    user_agent: str = "",
    second_factor: bool = False,
    at: dt.datetime | None = None,
) -> Tokens:
    """A session of `form` (body, header or page) stands, with its first tokens; lives in seconds, real time.

    Raises UserBanned, NotSignedIn (an account that is closed).
    """
    if user.banned_at is not None:
        raise UserBanned()
    if not user.is_active or user.erased_at is not None or user.deletion_requested_at is not None:
        raise NotSignedIn()
    now = real(at)
    session = Session(
        id=public_uuid(),
        user=user,
        form=form,
        access_life_s=access_life_s,
        refresh_life_s=refresh_life_s,
        opened_at=now,
        last_used_at=now,
        expires_at=now + dt.timedelta(seconds=refresh_life_s),
        second_factor_at=now if second_factor else None,
        address=address,
        user_agent=user_agent[:200],
    )
    tokens = _tokens(session, now)
    session.refresh_digest = digest(tokens.refresh_token)
    session.save(force_insert=True)
    User.objects.filter(pk=user.pk).update(last_login_at=clock.now())
    return tokens


def _tokens(session: Session, at: dt.datetime) -> Tokens:
    access = token_issue(kind="access", user_id=session.user_id, session_id=session.id, life_s=session.access_life_s, at=at)
    refresh = token_issue(kind="refresh", user_id=session.user_id, session_id=session.id, life_s=session.refresh_life_s, at=at)
    return Tokens(access, refresh, session.access_life_s, session.id)


def session_refresh_body(refresh_token: str, *, at: dt.datetime | None = None) -> Tokens:
    """A `body` session has new tokens and the refresh token sent is spent; one that was spent before revokes the session.

    Must not run inside a transaction: a reuse has to be remembered although it is refused.
    Raises NotSignedIn, TokenExpired, UserBanned.
    """
    now = real(at)
    session = _refreshable(token_verify(refresh_token, kind="refresh"), Session.Form.BODY, now)
    tokens = _tokens(session, now)
    with transaction.atomic(durable=True):
        rotated = Session.objects.filter(pk=session.pk, revoked_at__isnull=True, refresh_digest=digest(refresh_token)).update(
            refresh_digest=digest(tokens.refresh_token),
            last_used_at=now,
            expires_at=now + dt.timedelta(seconds=session.refresh_life_s),
        )
        if not rotated:
            session_revoke(user_id=session.user_id, session_id=session.pk, reason="refresh_reused", at=now)
    if not rotated:
        raise NotSignedIn()
    return tokens


def session_refresh_header(refresh_token: str, *, at: dt.datetime | None = None) -> Tokens:
    """A `header` session has a new access token; its refresh token stays. Raises NotSignedIn, TokenExpired, UserBanned."""
    now = real(at)
    session = _refreshable(token_verify(refresh_token, kind="refresh"), Session.Form.HEADER, now)
    if bytes(session.refresh_digest or b"") != digest(refresh_token):
        raise NotSignedIn()
    token = token_issue(kind="access", user_id=session.user_id, session_id=session.id, life_s=session.access_life_s, at=now)
    Session.objects.filter(pk=session.pk).update(last_used_at=now)
    return Tokens(token, "", session.access_life_s, session.id)


def _refreshable(claims: Claims, form: str, at: dt.datetime) -> Session:
    """The live session of a genuine refresh token, if it is of this form from birth; who is banned is told so."""
    found = Session.objects.select_related("user").filter(pk=claims.session_id, user_id=claims.user_id, form=form, expires_at__gt=at)
    session = found.filter(Q(revoked_at__isnull=True) | Q(user__banned_at__isnull=False)).first()
    if session is None or not session.user.is_active or session.user.deletion_requested_at is not None:
        raise NotSignedIn()
    if session.user.banned_at is not None:
        raise UserBanned()
    return session


def session_revoke(*, user_id: int, session_id: UUID, reason: str = "logout", at: dt.datetime | None = None) -> bool:
    """The user's session is refused from the next request on; False if it was not theirs or not open."""
    return bool(
        Session.objects.filter(pk=session_id, user_id=user_id, revoked_at__isnull=True).update(
            revoked_at=real(at), revoked_reason=reason, refresh_digest=None
        )
    )


def session_revoke_all(*, user_id: int, reason: str = "everywhere", keep: UUID | None = None, at: dt.datetime | None = None) -> int:
    """Every session of the user, pages included, is revoked, but the one to `keep`; returns how many."""
    found = Session.objects.filter(user_id=user_id, revoked_at__isnull=True)
    if keep is not None:
        found = found.exclude(pk=keep)
    return found.update(revoked_at=real(at), revoked_reason=reason, refresh_digest=None)


def session_list(*, user_id: int, at: dt.datetime | None = None) -> list[Session]:
    """The user's open sessions, the last used first."""
    return list(Session.objects.filter(user_id=user_id, revoked_at__isnull=True, expires_at__gt=real(at)).order_by("-last_used_at"))


def session_sweep(*, at: dt.datetime | None = None) -> int:
    """Sessions that ended more than 30 days ago are forgotten; returns how many."""
    count, _ = Session.objects.filter(expires_at__lt=real(at) - dt.timedelta(days=30)).delete()
    return count
