"""What a request passes. Contracts pass only what they need: the rest of the chain serves pages and the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware

from config.kernel.ids import request_id

CONTRACT_PATHS = ("/api/", "/v1/")
WRONG_HOST = b'{"detail":"Invalid host"}'


class RequestMiddleware:
    """Every answer of every contract carries `X-Request-ID`, the client's own if it sent a valid UUID."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = request_id(request.headers.get("X-Request-ID", ""))  # type: ignore[attr-defined]
        response = (
            self.get_response(request) if _is_for_us(request) else HttpResponse(WRONG_HOST, status=400, content_type="application/json")
        )
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        if not response.streaming and "Content-Length" not in response:
            response["Content-Length"] = str(len(response.content))
        return response


def _refused() -> HttpResponse:
    return HttpResponse(WRONG_HOST, status=400, content_type="application/json")


def _is_for_us(request: HttpRequest) -> bool:
    """Whether the Host names this server (in demo mode: loopback only, so that no foreign name is rebound to it)."""
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


class _PagesOnly:
    """A contract's request passes by: it has no cookie, no form, no frame and no language of a browser."""

    get_response: Callable[[HttpRequest], Any]

    def __call__(self, request: HttpRequest) -> Any:
        if request.path.startswith(CONTRACT_PATHS):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class PageSession(_PagesOnly, SessionMiddleware):
    """Django's sessions, for pages."""


class PageLocale(_PagesOnly, LocaleMiddleware):
    """The reader's language, for pages."""


class PageCsrf(_PagesOnly, CsrfViewMiddleware):
    """Forms are our own, for pages. Contract views take no cookie and are exempt."""


class PageAuthentication(_PagesOnly, AuthenticationMiddleware):
    """`request.user`, for pages."""


class PageMessages(_PagesOnly, MessageMiddleware):
    """One-time messages, for pages."""


class PageFrames(_PagesOnly, XFrameOptionsMiddleware):
    """No frames, for pages."""


class PagePolicy(_PagesOnly, CSPMiddleware):
    """The content security policy, for pages."""
