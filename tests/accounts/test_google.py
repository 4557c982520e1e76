"""Google: through allauth against a real local OIDC provider, and the sandbox of demo mode."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from allauth.socialaccount.providers.google import views as google_views

from accounts.exceptions import SignInUnavailable, UserBanned
from accounts.models import Identity, User
from accounts.outside.sandbox import code_issue
from accounts.services.outside import google_sign_in
from accounts.services.redirect import redirect_judge
from accounts.services.user import user_ban
from config.kernel.errors import InvalidInput, NotConfigured, NotSignedIn
from tests.accounts.conftest import Person

CALLBACK = "https://app.example.com/auth/callback"


class Oidc:
    """A running provider; `code` is what its user's browser would bring back."""

    def __init__(self, port: int) -> None:
        self.base = f"http://localhost:{port}"

    def code(self, sub: str, redirect_uri: str = CALLBACK, **claims: Any) -> str:
        requests.put(f"{self.base}/users/{sub}", json=claims, timeout=30).raise_for_status()
        query = {"client_id": "our-client", "redirect_uri": redirect_uri, "response_type": "code", "scope": "openid email profile"}
        answer = requests.post(f"{self.base}/oauth2/authorize?{urlencode(query)}", data={"sub": sub}, allow_redirects=False, timeout=30)
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


@pytest.fixture(scope="module")
def provider() -> Iterator[Oidc]:
    with warnings.catch_warnings(record=True):
        from oidc_provider_mock import run_server_in_thread  # its own libraries are deprecated somewhere
    with run_server_in_thread(port=0) as server:
        yield Oidc(server.server_port)


@pytest.fixture
def oidc(provider: Oidc, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Oidc:
    """Google is configured, and stands at the local provider (allauth reads its settings at import)."""
    app = {"client_id": "our-client", "secret": "our-secret"}
    settings.SOCIALACCOUNT_PROVIDERS = {"google": {"APPS": [app], "OAUTH_PKCE_ENABLED": True}}
    settings.GOOGLE_CLIENT_ID = "our-client"
    settings.REDIRECT_URIS = ["https://app.example.com/auth"]
    adapter = google_views.GoogleOAuth2Adapter
    monkeypatch.setattr(adapter, "access_token_url", f"{provider.base}/oauth2/token")
    monkeypatch.setattr(adapter, "identity_url", f"{provider.base}/userinfo")
    monkeypatch.setattr(google_views, "ID_TOKEN_ISSUER", provider.base)
    return provider


@pytest.mark.django_db
@pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")
class TestRealProvider:
    def test_first_sign_in_registers_the_next_finds(self, oidc: Oidc) -> None:
        claims: dict[str, Any] = {
            "email": "Ann@Example.com",
            "email_verified": True,
            "name": "Ann A.",
            "picture": "https://p.example.com/a.png",
        }
        first = google_sign_in(code=oidc.code("g-1", **claims), redirect_uri=CALLBACK)
        assert first.is_new
        assert first.user.username == "ann"
        assert first.user.nickname == "Ann A."
        assert first.user.email == "ann@example.com"
        assert set(Identity.objects.values_list("kind", "subject")) == {("google", "g-1"), ("email", "ann@example.com")}
        again = google_sign_in(code=oidc.code("g-1", **{**claims, "email": "new@example.com"}), redirect_uri=CALLBACK)
        assert (again.user.pk, again.is_new) == (first.user.pk, False)
        assert User.objects.count() == 1

    def test_wrong_and_spent_codes_are_refused(self, oidc: Oidc) -> None:
        code = oidc.code("g-2")
        google_sign_in(code=code, redirect_uri=CALLBACK)
        for bad in ("wrong", code):
            with pytest.raises(NotSignedIn):
                google_sign_in(code=bad, redirect_uri=CALLBACK)
        assert User.objects.count() == 1

    def test_code_of_another_redirect_address_is_refused(self, oidc: Oidc) -> None:
        code = oidc.code("g-3", redirect_uri=CALLBACK)
        with pytest.raises(NotSignedIn):
            google_sign_in(code=code, redirect_uri="https://app.example.com/auth/other")
        assert not User.objects.exists()

    def test_id_token_of_another_issuer_is_refused(self, oidc: Oidc, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(google_views, "ID_TOKEN_ISSUER", "https://accounts.google.com")
        with pytest.raises(NotSignedIn):
            google_sign_in(code=oidc.code("g-4"), redirect_uri=CALLBACK)
        assert not User.objects.exists()

    def test_redirect_address_beyond_the_list_is_refused(self, oidc: Oidc, settings: Any) -> None:
        settings.DEMO = False
        with pytest.raises(InvalidInput):
            google_sign_in(code=oidc.code("g-5"), redirect_uri="https://evil.example.com/auth/callback")
        assert google_sign_in(code=oidc.code("g-5"), redirect_uri=CALLBACK).is_new

    def test_links_only_to_a_proven_address(self, oidc: Oidc, person: Person) -> None:
        contact, proven = person(email="ann@example.com"), person(proven=[("email", "bob@example.com")])
        verified: dict[str, Any] = {"email_verified": True}
        stranger = google_sign_in(code=oidc.code("g-6", email="ann@example.com", **verified), redirect_uri=CALLBACK).user
        assert stranger.pk != contact.pk
        linked = google_sign_in(code=oidc.code("g-7", email="bob@example.com", **verified), redirect_uri=CALLBACK)
        assert (linked.user.pk, linked.is_new) == (proven.pk, False)
        assert Identity.objects.filter(user=proven, kind="google", subject="g-7").exists()

    def test_unproven_address_links_and_proves_nothing(self, oidc: Oidc, person: Person) -> None:
        proven = person(proven=[("email", "bob@example.com")])
        found = google_sign_in(code=oidc.code("g-8", email="bob@example.com", email_verified=False), redirect_uri=CALLBACK)
        assert found.is_new
        assert found.user.pk != proven.pk
        assert set(Identity.objects.filter(user=found.user).values_list("kind", flat=True)) == {"google"}

    def test_dead_provider_is_told_apart_from_a_wrong_code(self, oidc: Oidc, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(google_views.GoogleOAuth2Adapter, "access_token_url", "http://127.0.0.1:9/token")
        with pytest.raises(SignInUnavailable):
            google_sign_in(code="any", redirect_uri=CALLBACK)


@pytest.mark.django_db
class TestSandbox:
    def test_code_signs_in_once(self) -> None:
        code = code_issue("google", subject="s-1", email="sandy@example.com")
        found = google_sign_in(code=code)
        assert found.user.username == "sandy"
        assert set(Identity.objects.values_list("kind", "subject")) == {("google", "s-1"), ("email", "sandy@example.com")}
        with pytest.raises(NotSignedIn):
            google_sign_in(code=code)

    def test_code_of_another_provider_is_refused(self) -> None:
        with pytest.raises(NotSignedIn):
            google_sign_in(code=code_issue("wechat", subject="s-1", email=""))

    def test_is_gone_outside_demo_mode(self, settings: Any) -> None:
        code = code_issue("google", subject="s-1", email="")
        settings.DEMO, settings.GOOGLE_CLIENT_ID = False, ""
        with pytest.raises(NotConfigured):
            google_sign_in(code=code)
        assert not User.objects.exists()

    def test_banned_user_is_refused(self) -> None:
        user = google_sign_in(code=code_issue("google", subject="s-1", email="")).user
        user_ban(user_id=user.pk, banned=True)
        with pytest.raises(UserBanned):
            google_sign_in(code=code_issue("google", subject="s-1", email=""))

    def test_banned_user_is_not_linked(self, person: Person) -> None:
        user = person(proven=[("email", "bob@example.com")])
        user_ban(user_id=user.pk, banned=True)
        with pytest.raises(UserBanned):
            google_sign_in(code=code_issue("google", subject="s-2", email="bob@example.com"))
        assert not Identity.objects.filter(kind="google").exists()

    def test_new_users_name_is_made_of_what_google_tells(self) -> None:
        assert re.fullmatch(r"google_\w+", google_sign_in(code=code_issue("google", subject="12345678901", email="")).user.username)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://app.example.com/auth", True),
        ("https://app.example.com/auth/deep/er?x=1", True),
        ("https://app.example.com/authority", False),
        ("https://app.example.com/auth/../admin", False),
        ("http://app.example.com/auth", False),
        ("https://app.example.com:8443/auth", False),
        ("https://app.example.com.evil.com/auth", False),
        ("https://app.example.com@evil.com/auth", False),
        ("https://evil.com\\@app.example.com/auth", False),
        ("javascript:alert(1)", False),
        ("//app.example.com/auth", False),
        ("https://app.example.com:x/auth", False),
        ("https://app.example.com/auth\n", False),
        ("", False),
    ],
)
def test_redirect_addresses(settings: Any, url: str, allowed: bool) -> None:
    settings.DEMO, settings.REDIRECT_URIS = False, ["https://app.example.com/auth/"]
    if allowed:
        assert redirect_judge(url, field="redirect_uri") == url
    else:
        with pytest.raises(InvalidInput):
            redirect_judge(url, field="redirect_uri")


def test_demo_mode_allows_any_web_address_but_nothing_else(settings: Any) -> None:
    settings.DEMO, settings.REDIRECT_URIS = True, []
    assert redirect_judge("http://localhost:3000/cb", field="x")
    with pytest.raises(InvalidInput):
        redirect_judge("javascript:alert(1)", field="x")
