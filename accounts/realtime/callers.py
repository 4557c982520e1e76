"""Who opens a stream: the bearer of a token or personal key, or the page's own session. All of it is synchronous."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db.models import DurationField, ExpressionWrapper, F
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.module_loading import import_string

from accounts.models import ApiKey, Session
from accounts.services.authentication import PERSONAL_KEY_PREFIX, principal_of
from config.kernel import clock
from config.kernel.errors import NotAllowed, NotSignedIn
from config.kernel.principal import Principal

LONGEST_S = 86_400.0
"""A stream without a token of its own (a page's, a key's) is opened anew after a day."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven listener, and until when (monotonic seconds) the proof holds."""

    principal: Principal
    until: float


def caller_of(headers: Mapping[str, str]) -> Caller:
    """The caller that the request's headers prove; names in lower case. Raises NotSignedIn, TokenExpired, UserBanned, NotAllowed."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if headers.get("authorization"):
        if scheme.lower() != "bearer" or not token.strip():
            raise NotSignedIn()
        return _caller_of_token(token.strip())
    if not is_same_origin(headers):
        raise NotSignedIn()
    principal = page_caller(headers.get("cookie", ""))
    if principal is None:
        raise NotSignedIn()
    return Caller(principal, time.monotonic() + LONGEST_S)


def _caller_of_token(token: str) -> Caller:
    principal = principal_of(access_token=token, api_key=None, at=clock.real_now())
    if principal.scopes is not None and "tasks" not in principal.scopes:
        raise NotAllowed()
    life_s = LONGEST_S if token.startswith(PERSONAL_KEY_PREFIX) else _seconds_left(token)
    return Caller(principal, time.monotonic() + min(life_s, 30 * LONGEST_S))


def _seconds_left(token: str) -> float:
    """Until `exp` of a token that was verified a moment ago."""
    try:
        body = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["exp"]) - time.time()
    except (ValueError, KeyError, IndexError, TypeError, binascii.Error):
        return 0.0


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """True unless the browser says that another site's page asks; a cookie counts only then."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


def host_is_ours(host: str, allowed: list[str]) -> bool:
    """True when the `Host` header names this platform (in demo mode: this machine)."""
    name, _ = split_domain_port(host)
    return bool(name) and validate_host(name, allowed)


def page_caller(cookie: str) -> Principal | None:
    """The caller of the page whose cookies these are, proven by the same middleware that proves a page's request."""
    found: dict[str, Any] = {}

    def capture(request: HttpRequest) -> HttpResponse:
        found["principal"] = getattr(request, "principal", None)
        return HttpResponse()

    request = HttpRequest()
    request.method, request.path = "GET", "/api/v1/events"
    request.META = {"HTTP_COOKIE": cookie, "REMOTE_ADDR": "127.0.0.1", "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    request.COOKIES = _cookies(cookie)
    page_session = import_string("accounts.web.middleware.PageSessionMiddleware")
    SessionMiddleware(AuthenticationMiddleware(page_session(capture)))(request)
    principal = found.get("principal")
    return principal if isinstance(principal, Principal) else None


def _cookies(text: str) -> dict[str, str]:
    from django.http.cookie import parse_cookie

    return dict(parse_cookie(text))


@dataclass(frozen=True, slots=True)
class Proof:
    """What a stream hangs on: a session, or a key, of a user."""

    user_id: int
    session_id: UUID | None
    api_key_id: int | None

    @classmethod
    def of(cls, principal: Principal) -> Proof:
        """The proof that this caller gave."""
        return cls(principal.user_id, principal.session_id, None if principal.session_id else principal.api_key_id)


def standing(proofs: set[Proof]) -> set[Proof]:
    """Those of `proofs` that still hold: session or key not revoked, user neither banned nor leaving. Two statements.

    A session outlives its last renewal by the life of the token that was issued with it, as for every request.
    """
    people = {
        "user__is_active": True,
        "user__banned_at__isnull": True,
        "user__deletion_requested_at__isnull": True,
        "revoked_at__isnull": True,
    }
    sessions = {proof.session_id for proof in proofs if proof.session_id}
    keys = {proof.api_key_id for proof in proofs if proof.api_key_id}
    last_token = ExpressionWrapper(F("access_life_s") * dt.timedelta(seconds=1), DurationField())
    living = Session.objects.filter(expires_at__gt=clock.real_now() - last_token, **people)
    open_sessions = set(living.filter(pk__in=sessions).values_list("pk", flat=True)) if sessions else set()
    open_keys = set(ApiKey.objects.filter(pk__in=keys, **people).values_list("pk", flat=True)) if keys else set()
    return {proof for proof in proofs if proof.session_id in open_sessions or proof.api_key_id in open_keys}
