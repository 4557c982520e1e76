"""Who is asking: one statement proves session, user and key together."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from accounts.exceptions import UserBanned
from accounts.models import ApiKey, Session
from accounts.services.token import Claims as AccessClaims
from accounts.services.token import real, token_verify
from config.kernel.errors import NotAllowed, NotSignedIn
from config.kernel.ids import digest
from config.kernel.principal import Principal
from config.kernel.sql import fetch_one

PERSONAL_KEY_PREFIX = "ak_"
TOUCH_AFTER = dt.timedelta(minutes=1)
USER = "u.id AS user_id, u.uuid, u.is_staff, u.language, u.banned_at"
KEY = "k.id AS key_id, k.user_id AS key_user_id, k.is_application, k.scopes, k.last_used_at AS key_used_at"
KEY_JOIN = """(accounts_apikey k JOIN accounts_user o ON o.id = k.user_id
  AND o.is_active AND o.banned_at IS NULL AND o.deletion_requested_at IS NULL)"""
STANDS = """(s.revoked_at IS NULL OR u.banned_at IS NOT NULL)
  AND s.expires_at + s.access_life_s * interval '1 second' > %s::timestamptz AND u.is_active"""
"""A session that still proves its user; its one parameter is the real time. A ban revokes every session and is told to all of them."""
BY_SESSION = f"""
SELECT {USER}, s.id AS session_id, s.second_factor_at, s.last_used_at AS session_used_at, {KEY} {{columns}}
FROM accounts_session s
JOIN accounts_user u ON u.id = s.user_id
LEFT JOIN {KEY_JOIN} ON k.digest = %s::bytea AND k.revoked_at IS NULL
{{joins}}
WHERE s.id = %s::uuid AND s.user_id = %s::bigint AND {STANDS}
"""  # noqa: S608  (constants only)
BY_KEY = f"""
SELECT {USER}, {KEY} {{columns}}
FROM accounts_apikey k
JOIN accounts_user u ON u.id = k.user_id AND u.is_active AND u.deletion_requested_at IS NULL
{{joins}}
WHERE k.digest = %s::bytea AND k.revoked_at IS NULL
"""  # noqa: S608  (constants only)


@dataclass(frozen=True, slots=True)
class Fold:
    """What a hot door reads in the same statement that proves its caller: columns and left joins, as constants."""

    columns: str = ""
    joins: str = ""
    params: tuple[Any, ...] = ()


NOTHING = Fold()
ALLOWED = f"""({STANDS} AND u.banned_at IS NULL
  AND k.id IS NOT NULL AND (k.is_application OR k.user_id = u.id))"""
"""For a `Fold` that writes beside a token and a key: true only where the caller is proven. It names every table, so that nothing
can be written before all of them were read; its one parameter is the real time."""


def access_claims(token: str) -> AccessClaims:
    """The claims of a genuine access token in real time; its session is not asked. Raises NotSignedIn, TokenExpired."""
    return token_verify(token, kind="access")


def principal_of(*, access_token: str | None, api_key: str | None, at: dt.datetime | None = None) -> Principal:
    """The proven caller behind a token (a JWT, or a personal key as Bearer), an application's key, or both.

    `at` is real time. Raises NotSignedIn (nothing, or something unknown, revoked or foreign to us), TokenExpired,
    UserBanned, NotAllowed (another person's personal key beside the token).
    """
    return principal_with(NOTHING, access_token=access_token, api_key=api_key, at=at)[0]


def principal_with(fold: Fold, *, access_token: str | None, api_key: str | None, at: dt.datetime | None = None) -> tuple[Principal, Any]:
    """The proven caller as in `principal_of`, and the row with the columns of `fold` that the same statement read."""
    now = real(at)
    if access_token is None:
        return _by_key(api_key, now, fold)
    if access_token.startswith(PERSONAL_KEY_PREFIX):
        return _by_personal_key(access_token, api_key, now, fold)
    return _by_session(access_claims(access_token), api_key, now, fold)


def _by_session(claims: AccessClaims, api_key: str | None, at: dt.datetime, fold: Fold) -> tuple[Principal, Any]:
    statement = BY_SESSION.format(columns=fold.columns, joins=fold.joins)
    row = fetch_one(statement, (digest(api_key) if api_key else None, *fold.params, claims.session_id, claims.user_id, at))
    if row is None:
        raise NotSignedIn()
    if row.banned_at is not None:
        raise UserBanned()
    if api_key:
        _judge_key(row, owner_id=row.user_id)
    _touch(row, at)
    return _principal(row, session_id=row.session_id, second_factor=row.second_factor_at is not None), row


def _judge_key(row: Any, *, owner_id: int) -> None:
    """The key found beside a token exists, and is an application's or the token owner's own."""
    if row.key_id is None:
        raise NotSignedIn()
    if not row.is_application and row.key_user_id != owner_id:
        raise NotAllowed()


def _by_personal_key(key: str, beside: str | None, at: dt.datetime, fold: Fold) -> tuple[Principal, Any]:
    """A personal key as Bearer acts as its owner within its scopes; an application's key names no person."""
    row = _key_row(key, fold)
    if row.is_application:
        raise NotSignedIn()
    other = _key_row(beside) if beside and beside != key else None
    if other is not None:
        _judge_key(other, owner_id=row.user_id)
        _touch(other, at)
    _touch(row, at)
    return _principal(row, api_key_id=other.key_id if other is not None else row.key_id, scopes=frozenset(row.scopes)), row


def _by_key(key: str | None, at: dt.datetime, fold: Fold) -> tuple[Principal, Any]:
    if not key:
        raise NotSignedIn()
    row = _key_row(key, fold)
    _touch(row, at)
    return _principal(row, scopes=frozenset(row.scopes), by_key_alone=True), row


def _key_row(key: str, fold: Fold = NOTHING) -> Any:
    row = fetch_one(BY_KEY.format(columns=fold.columns, joins=fold.joins), (*fold.params, digest(key)))
    if row is None:
        raise NotSignedIn()
    if row.banned_at is not None:
        raise UserBanned()
    return row


def _principal(row: Any, **proven: Any) -> Principal:
    """The caller of `row`. A key never carries an operator's power: only a session does."""
    return Principal(
        user_id=row.user_id,
        user_uuid=row.uuid,
        is_operator=row.is_staff and proven.get("session_id") is not None,
        language=row.language,
        **{"api_key_id": row.key_id, **proven},
    )


def _touch(row: Any, at: dt.datetime) -> None:
    """Last-used times, at most once a minute each: the hot path stays one statement."""
    stale = at - TOUCH_AFTER
    if row.key_id is not None and (row.key_used_at is None or row.key_used_at < stale):
        ApiKey.objects.filter(pk=row.key_id).update(last_used_at=at)
    session_used_at = getattr(row, "session_used_at", None)
    if session_used_at is not None and session_used_at < stale:
        Session.objects.filter(pk=row.session_id).update(last_used_at=at)


def page_principal(*, session_id: Any, user_id: int, at: dt.datetime | None = None) -> Principal | None:
    """The caller of a page, as long as their session stands; None when it was revoked or has expired, or they were banned."""
    now = real(at)
    row = fetch_one(BY_SESSION.format(columns="", joins=""), (None, session_id, user_id, now))
    if row is None or row.banned_at is not None:
        return None
    _touch(row, now)
    return _principal(row, session_id=row.session_id, second_factor=row.second_factor_at is not None)
