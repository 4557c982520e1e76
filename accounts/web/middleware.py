"""Who reads a page: Django's session counts only as long as our session row stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from accounts.services.authentication import page_principal
from accounts.web.session import KEY
from config.kernel.ids import parse_uuid
from config.kernel.principal import Principal


class PageSessionMiddleware:
    """`request.principal` is the caller of a page or None, `request.user` their user or nobody; both are found at first use.

    Without a session cookie nothing is asked. A revoked or expired session, or one without a row of ours, is nobody.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        attach(request)
        return self.get_response(request)


def attach(request: HttpRequest) -> None:
    """The lazy caller hangs on the request; whoever was found before is forgotten."""
    found: list[tuple[Principal | None, User | None]] = []

    def caller() -> tuple[Principal | None, User | None]:
        if not found:
            found.append(_caller(request))
        return found[0]

    request.principal = SimpleLazyObject(lambda: caller()[0])  # type: ignore[attr-defined]
    request.user = SimpleLazyObject(lambda: caller()[1] or AnonymousUser())  # type: ignore[assignment]

    async def auser() -> Any:
        from asgiref.sync import sync_to_async

        return (await sync_to_async(caller)())[1] or AnonymousUser()

    request.auser = auser


def _caller(request: HttpRequest) -> tuple[Principal | None, User | None]:
    session_id = parse_uuid(request.session.get(KEY, ""))
    if session_id is None:
        return None, None
    user = get_user(request)
    if not isinstance(user, User):
        return None, None
    principal = page_principal(session_id=session_id, user_id=user.pk)
    return (principal, user) if principal is not None else (None, None)
