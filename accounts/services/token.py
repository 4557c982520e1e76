"""Our JSON Web Tokens: HS256, a key id in the header, one kind each."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal
from uuid import UUID

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

from config.kernel import clock
from config.kernel.errors import NotSignedIn, TokenExpired
from config.kernel.ids import parse_uuid, public_uuid

ALGORITHM = "HS256"
Kind = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: whose session it is of."""

    user_id: int
    session_id: UUID


class KeyedBackend(TokenBackend):
    """simplejwt's backend under one of our named keys; the name goes into the header (`kid`)."""

    def __init__(self, name: str, text: str) -> None:
        self.key = hashlib.sha256(b"jwt:" + text.encode()).hexdigest()
        super().__init__(ALGORITHM, signing_key=self.key)
        self.name = name

    def encode(self, payload: dict[str, Any]) -> str:
        return jwt.encode(payload, self.key, algorithm=ALGORITHM, headers={"kid": self.name})


@cache
def _backend(name: str, text: str) -> KeyedBackend:
    return KeyedBackend(name, text)


def token_issue(*, kind: Kind, user_id: int, session_id: UUID, life_s: int, at: dt.datetime) -> str:
    """A token of `kind` that is valid for `life_s` seconds from `at` (real time), signed with the newest key."""
    issued = int(at.timestamp())
    claims = {
        "typ": kind,
        "sub": str(user_id),
        "sid": str(session_id),
        "jti": public_uuid().hex,
        "iat": issued,
        "exp": issued + life_s,
    }
    return _backend(*next(iter(settings.JWT_KEYS.items()))).encode(claims)


def token_verify(token: str, *, kind: Kind) -> Claims:
    """The claims of a genuine, unexpired token of exactly this kind. Raises NotSignedIn, TokenExpired."""
    proven = _proven(token, kind, tuple(settings.JWT_KEYS.items()))
    if proven.expires_at <= time.time():
        raise TokenExpired()
    return proven.claims


@dataclass(frozen=True, slots=True)
class _Proven:
    claims: Claims
    expires_at: int


@lru_cache(maxsize=4096)
def _proven(token: str, kind: Kind, keys: tuple[tuple[str, str], ...]) -> _Proven:
    """What a genuine token says. A signature stays right, so a client that comes again is not computed again.

    The expiry is judged at every use, the session by the statement that follows; refusals are not kept.
    """
    try:
        claims: dict[str, Any] = _key_of(token).decode(token)  # type: ignore[arg-type]  # its stub is wrong
    except TokenBackendExpiredToken as error:
        raise TokenExpired() from error
    except (TokenBackendError, jwt.PyJWTError) as error:
        raise NotSignedIn() from error
    session_id = parse_uuid(str(claims.get("sid", "")))
    subject = str(claims.get("sub", ""))
    if claims.get("typ") != kind or session_id is None or not (subject.isascii() and subject.isdigit()) or "exp" not in claims:
        raise NotSignedIn()
    return _Proven(Claims(int(subject), session_id), int(claims["exp"]))


def _key_of(token: str) -> KeyedBackend:
    """The key that the token names. Raises NotSignedIn for another algorithm or an unknown name."""
    header = jwt.get_unverified_header(token)
    name = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(name, str) or name not in settings.JWT_KEYS:
        raise NotSignedIn()
    return _backend(name, settings.JWT_KEYS[name])


def real(at: dt.datetime | None) -> dt.datetime:
    """`at`, or the machine's time: tokens never follow the business clock."""
    return at or clock.real_now()
