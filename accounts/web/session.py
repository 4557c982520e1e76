"""Page sessions: Django's session hangs on a session row of ours, so that signing out everywhere means everywhere."""

from __future__ import annotations

import datetime as dt

from django.contrib.auth import login, logout
from django.http import HttpRequest

from accounts.models import Session, User
from accounts.services.session import session_open, session_revoke
from accounts.web.client import client_address, user_agent
from config.kernel.ids import parse_uuid

KEY = "session_id"
"""Where Django's session keeps the id of our row."""
PAGE_LIFE = dt.timedelta(days=14)
BACKEND = "django.contrib.auth.backends.ModelBackend"


def page_sign_in(request: HttpRequest, user: User, *, second_factor: bool = False) -> None:
    """The browser is signed in as `user` for 14 days under a new session key; its former session is revoked.

    Raises UserBanned, NotSignedIn (a closed account).
    """
    page_sign_out(request)
    tokens = session_open(
        user=user,
        form=Session.Form.PAGE,
        access_life_s=0,
        refresh_life_s=int(PAGE_LIFE.total_seconds()),
        address=client_address(request),
        user_agent=user_agent(request),
        second_factor=second_factor,
    )
    login(request, user, backend=BACKEND)
    request.session[KEY] = str(tokens.session_id)
    request.session.set_expiry(PAGE_LIFE)
    forget_caller(request)


def page_sign_out(request: HttpRequest) -> None:
    """The browser is signed out and its session row revoked."""
    session_id = parse_uuid(request.session.get(KEY, ""))
    user_id = request.session.get("_auth_user_id", "")
    if session_id is not None and str(user_id).isdigit():
        session_revoke(user_id=int(user_id), session_id=session_id)
    logout(request)
    forget_caller(request)


def forget_caller(request: HttpRequest) -> None:
    """`request.user` and `request.principal` are found anew at their next use."""
    from accounts.web.middleware import attach

    attach(request)
