"""Signing in to the pages through Google: out with a state and a challenge, back with a code that only this browser may use."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.services.outside import google_sign_in
from accounts.web.session import page_sign_in
from config.kernel.errors import DomainError
from config.kernel.ids import secret_token
from operations.web.callers import local_path
from operations.web.problems import problem_of

AUTHORIZE_URL = "https://accounts.google.com/o/oauth2/v2/auth"
KEY = "google_sign_in"
"""Where the browser's session keeps state, verifier and way back of the sign-in under way."""


@require_GET
def leave(request: HttpRequest) -> HttpResponse:
    """To Google, with a fresh state and PKCE challenge. Source: upstreams/commerce_and_identity.md §4.1."""
    if not settings.GOOGLE_CLIENT_ID:
        raise Http404
    state, verifier = secret_token(), secret_token() + secret_token()
    request.session[KEY] = {"state": state, "verifier": verifier, "next": local_path(request.GET.get("next"), reverse("create"))}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": settings.GOOGLE_CLIENT_ID,
        "redirect_uri": _back_address(),
        "response_type": "code",
        "scope": "openid email profile",
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return redirect(f"{settings.SOCIALACCOUNT_PROVIDERS['google'].get('AUTHORIZE_URL', AUTHORIZE_URL)}?{urlencode(query)}")


def _back_address() -> str:
    return f"{settings.PUBLIC_BASE_URL}{reverse('google-back')}"


@require_GET
def back(request: HttpRequest) -> HttpResponse:
    """From Google: the code is exchanged once, by the browser that left with this state."""
    under_way: dict[str, Any] = request.session.pop(KEY, None) or {}
    code, state = request.GET.get("code", ""), request.GET.get("state", "")
    if not code or not under_way or not constant_time_compare(state, under_way["state"]):
        return _refused(request, _("Google did not sign you in. Try again, or choose another way."))
    try:
        found = google_sign_in(code=code, redirect_uri=_back_address(), code_verifier=under_way["verifier"])
        page_sign_in(request, found.user)
    except DomainError as error:
        told = (
            _("Google did not sign you in. Try again, or choose another way.") if error.code == "not_signed_in" else problem_of(error).text
        )
        return _refused(request, told)
    if found.is_restored:
        messages.success(request, _("Your account is back. Nothing was deleted."))
    return redirect(under_way["next"])


def _refused(request: HttpRequest, words: str) -> HttpResponse:
    messages.error(request, words)
    return redirect("sign-in")
