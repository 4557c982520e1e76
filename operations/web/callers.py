"""Who reads a page: the principal of the page's session, or the way to the sign-in page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from config.kernel.principal import Principal

P = ParamSpec("P")


def principal_of_page(request: HttpRequest) -> Principal | None:
    """The signed-in caller of this page, or None. `PageSessionMiddleware` proved the session."""
    found: Any = getattr(request, "principal", None)
    return found if isinstance(found, Principal) else None


def signed_in(view: Callable[Concatenate[HttpRequest, Principal, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """`view` gets the principal; anybody else is led to the sign-in page and back."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        principal = principal_of_page(request)
        if principal is None:
            back = request.get_full_path() if request.method in {"GET", "HEAD"} else ""
            return redirect(f"{reverse('sign-in')}?{urlencode({'next': back})}" if back else reverse("sign-in"))
        response = view(request, principal, *args, **kwargs)
        response.setdefault("Cache-Control", "private, no-cache")
        return response

    return guarded


def local_path(wish: str | None, default: str) -> str:
    """`wish` if it is a path of this server, never an address elsewhere; else `default`."""
    if not wish or not wish.startswith("/") or "\\" in wish:
        return default
    return wish if url_has_allowed_host_and_scheme(wish, allowed_hosts=None) else default
