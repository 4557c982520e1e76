"""Tokens: genuine, of one kind, under a named key, in real time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import pytest

from accounts.services.token import Claims, token_issue, token_verify
from config.kernel.errors import NotSignedIn, TokenExpired

SESSION = uuid4()


def issue(kind: Any = "access", life_s: int = 60, at: dt.datetime | None = None) -> str:
    return token_issue(kind=kind, user_id=7, session_id=SESSION, life_s=life_s, at=at or dt.datetime.now(dt.UTC))


def forged(header: dict[str, Any] | None = None, key: str | None = None, **changes: Any) -> str:
    """Our own token with other claims, signed with our own key unless told otherwise."""
    from django.conf import settings

    from accounts.services.token import _backend

    token = issue()
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    ours = _backend(*next(iter(settings.JWT_KEYS.items())))
    return jwt.encode(claims, key or ours.key, algorithm="HS256", headers=header or {"kid": ours.name})


def test_says_whose_session_it_is() -> None:
    assert token_verify(issue(), kind="access") == Claims(7, SESSION)


@pytest.mark.parametrize(("kind", "wanted"), [("access", "refresh"), ("refresh", "access")])
def test_refuses_the_other_kind(kind: str, wanted: Any) -> None:
    with pytest.raises(NotSignedIn):
        token_verify(issue(kind), kind=wanted)


def test_expired_is_said_so() -> None:
    with pytest.raises(TokenExpired):
        token_verify(issue(at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=61)), kind="access")


def test_follows_real_time_not_the_business_clock(clock: Any) -> None:
    token = issue()
    clock.advance(days=365)
    assert token_verify(token, kind="access").user_id == 7


def test_forgery_helper_makes_a_valid_token_when_nothing_is_changed() -> None:
    assert token_verify(forged(), kind="access").user_id == 7


NOT_OURS: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "one part": lambda: "x",
    "no JSON": lambda: "a.b.c",
    "a key": lambda: "ak_" + "x" * 40,
    "another key": lambda: forged(key="another key that is long enough for HS256 to be used"),
    "unknown key id": lambda: forged(header={"kid": "unknown"}),
    "no key id": lambda: forged(header={"typ": "JWT"}),
    "session is no UUID": lambda: forged(sid="not-a-uuid"),
    "no session": lambda: forged(sid=None),
    "user is no number": lambda: forged(sub="x"),
    "user is a strange digit": lambda: forged(sub="²"),
    "no kind": lambda: forged(typ=None),
    "kind in another case": lambda: forged(typ="Access"),
    "no end": lambda: forged(exp=None),
    "no signature": lambda: jwt.encode({"typ": "access", "sub": "7", "sid": str(SESSION), "exp": 4102444800}, "", algorithm="none"),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_refuses_what_is_not_ours(name: str) -> None:
    with pytest.raises(NotSignedIn):
        token_verify(NOT_OURS[name](), kind="access")


def test_refuses_another_algorithm_under_our_key() -> None:
    from django.conf import settings

    from accounts.services.token import _backend

    ours = _backend(*next(iter(settings.JWT_KEYS.items())))
    claims = {"typ": "access", "sub": "7", "sid": str(SESSION), "exp": 4102444800}
    with pytest.raises(NotSignedIn):
        token_verify(jwt.encode(claims, ours.key, algorithm="HS512", headers={"kid": ours.name}), kind="access")


def test_keys_rotate(settings: Any) -> None:
    settings.JWT_KEYS = {"old": "first text"}
    old = issue()
    settings.JWT_KEYS = {"new": "second text", "old": "first text"}
    new = issue()
    assert jwt.get_unverified_header(new)["kid"] == "new"
    assert token_verify(old, kind="access") == token_verify(new, kind="access")
    settings.JWT_KEYS = {"new": "second text"}
    with pytest.raises(NotSignedIn):
        token_verify(old, kind="access")
