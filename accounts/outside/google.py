"""Google, through allauth's adapter: the code for a token, the id token judged (issuer, audience, expiry)."""

from __future__ import annotations

from typing import Any

import jwt
import requests
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest

from accounts.outside.base import CodeRefused, OutsideIdentity, Unreachable


class GoogleProvider:
    """Source: upstreams/commerce_and_identity.md §4.1 (the code path). Nothing is linked or stored by allauth."""

    def exchange(self, *, code: str, redirect_uri: str, code_verifier: str = "") -> OutsideIdentity:
        adapter = GoogleOAuth2Adapter(HttpRequest())
        app = adapter.get_provider().app
        client = OAuth2Client(
            adapter.request, app.client_id, app.secret, adapter.access_token_method, adapter.access_token_url, redirect_uri
        )
        try:
            answer = client.get_access_token(code, pkce_code_verifier=code_verifier or None)
            adapter.did_fetch_access_token = True
            login = adapter.complete_login(adapter.request, app, adapter.parse_token(answer), response=answer)
        except requests.RequestException as error:
            raise Unreachable from error
        except (OAuth2Error, PermissionDenied, ValidationError, jwt.PyJWTError, KeyError, ValueError) as error:
            raise CodeRefused from error
        return _identity(login.account.extra_data)


def _identity(claims: dict[str, Any]) -> OutsideIdentity:
    subject = str(claims.get("sub") or claims.get("id") or "")
    if not subject:
        raise CodeRefused
    verified = claims.get("email_verified", claims.get("verified_email"))
    return OutsideIdentity(
        subject=subject[:255],
        email=str(claims.get("email") or "").lower()[:254],
        email_verified=verified is True or verified == "true",
        name=str(claims.get("name") or "")[:50],
        avatar_url=str(claims.get("picture") or "")[:500],
    )
