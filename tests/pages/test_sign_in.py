"""The door: every way in, and what it never tells."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import Session, User
from accounts.services.sign_in import SignIn
from config.kernel import limits
from tests.conftest import UserFactory
from tests.pages.conftest import PASSWORD, Reader

pytestmark = pytest.mark.django_db


def plain(html: str) -> str:
    """A page without what differs between any two answers."""
    return re.sub(r'value="[^"]*"', "", html)


def test_a_wrong_password_and_an_unknown_name_answer_alike(user_factory: UserFactory) -> None:
    user_factory("known-one", password=PASSWORD)
    answers = [Client().post("/sign-in?way=password", {"username": name, "password": "wrong"}) for name in ("known-one", "nobody-at-all")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert plain(answers[0].content.decode()) == plain(answers[1].content.decode())
    assert not Session.objects.exists()


def test_every_form_needs_its_csrf_token(user_factory: UserFactory) -> None:
    user = user_factory("tokenless", password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    for path in ("/sign-in?way=password", "/sign-out", "/theme", "/create", "/account/keys", "/account/sessions"):
        assert client.post(path, {"username": user.username, "password": PASSWORD}).status_code == 403
    assert not Session.objects.exists()


def test_the_way_back_is_a_path_of_this_server(user_factory: UserFactory) -> None:
    user = user_factory("traveller", password=PASSWORD)
    for wish, target in (("/history", "/history"), ("https://evil.example", "/create"), ("//evil.example", "/create")):
        answer = Client().post("/sign-in?way=password", {"username": user.username, "password": PASSWORD, "next": wish})
        assert answer["Location"] == target


def test_a_demo_user_enters_with_one_click_in_demo_mode_only(user_factory: UserFactory, settings: Any) -> None:
    user_factory("alice", is_demo=True)
    settings.DEMO = False
    client = Client()
    assert "alice" not in client.get("/sign-in?way=demo").content.decode()
    client.post("/sign-in?way=demo", {"username": "alice"})
    assert not Session.objects.exists()
    settings.DEMO = True
    assert "alice" in client.get("/sign-in?way=demo").content.decode()
    assert client.post("/sign-in?way=demo", {"username": "alice"}).status_code == 302
    assert client.get("/create").status_code == 200


def test_demo_never_lets_anybody_in_who_is_not_of_the_demo(user_factory: UserFactory, settings: Any) -> None:
    settings.DEMO = True
    user_factory("alice", is_demo=True)
    user_factory("real")
    user_factory("boss", is_demo=True, is_staff=True)
    for name in ("real", "boss"):
        assert Client().post("/sign-in?way=demo", {"username": name}).status_code == 422
    assert not Session.objects.exists()


def test_a_code_by_text_message_signs_a_new_number_up(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.sms.secrets.randbelow", lambda most: 123456)
    settings.SMS_GATEWAY = "file"
    client = Client(headers={"Accept-Language": "en"})
    sent = client.post("/sign-in?way=sms", {"phone": "138 0013 8009", "send": "1"})
    assert sent.status_code == 200
    assert "5 minutes" in sent.content.decode()
    wrong = client.post("/sign-in?way=sms", {"phone": "138 0013 8009", "code": "000000"})
    assert wrong.status_code == 422
    assert 'id="id_code-note"' in wrong.content.decode()
    assert not User.objects.filter(identities__subject="+8613800138009").exists()


def test_too_many_tries_get_their_own_page(user_factory: UserFactory, settings: Any) -> None:
    settings.RATE_LIMITS = True
    user_factory("besieged", password=PASSWORD)
    client = Client()
    for _ in range(30):
        limits.take("password", "besieged", 30, 900)
    answer = client.post("/sign-in?way=password", {"username": "besieged", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert not Session.objects.exists()


def test_signing_out_ends_the_session_row(reader: Callable[..., Reader]) -> None:
    person = reader()
    assert person.client.get("/sign-out").status_code == 405
    assert Session.objects.filter(user=person.user, revoked_at__isnull=True).count() == 1
    assert person.client.post("/sign-out")["Location"] == "/"
    assert not Session.objects.filter(user=person.user, revoked_at__isnull=True).exists()
    assert person.client.get("/create").status_code == 302


def test_a_forgotten_password_answers_everybody_alike(user_factory: UserFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.services.mail.dispatch.password_reset_mail", lambda address: True)
    pages = [Client().post("/password/forgotten", {"address": address}).content.decode() for address in ("a@b.example", "c@d.example")]
    assert plain(pages[0]) == plain(pages[1])
    assert Client().post("/password/forgotten", {"address": "nonsense"}).status_code == 422


def test_google_is_offered_only_where_it_is_configured(settings: Any) -> None:
    settings.GOOGLE_CLIENT_ID = ""
    assert "/sign-in/google" not in Client().get("/sign-in").content.decode()
    assert Client().get("/sign-in/google").status_code == 404
    settings.GOOGLE_CLIENT_ID = "client-1"
    assert "/sign-in/google" in Client().get("/sign-in").content.decode()


def test_google_lets_in_only_the_browser_that_left_with_the_state(
    user_factory: UserFactory, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.GOOGLE_CLIENT_ID = "client-1"
    user = user_factory("googler")
    asked: list[dict[str, str]] = []

    def exchange(**sent: str) -> SignIn:
        asked.append(sent)
        return SignIn(user)

    monkeypatch.setattr("accounts.web.google.google_sign_in", exchange)
    client = Client()
    out = urlsplit(client.get("/sign-in/google", {"next": "/history"})["Location"])
    query = {name: values[0] for name, values in parse_qs(out.query).items()}
    assert (out.hostname, query["code_challenge_method"], query["client_id"]) == ("accounts.google.com", "S256", "client-1")
    assert Client().get("/sign-in/google/back", {"code": "c", "state": query["state"]})["Location"] == "/sign-in"
    stale = Client()
    stale.get("/sign-in/google")
    assert stale.get("/sign-in/google/back", {"code": "c", "state": query["state"]})["Location"] == "/sign-in"
    assert not asked
    assert client.get("/sign-in/google/back", {"code": "c", "state": query["state"]})["Location"] == "/history"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(asked[0]["code_verifier"].encode()).digest()).rstrip(b"=").decode()
    assert challenge == query["code_challenge"]
    assert client.get("/history").status_code == 200
    assert client.get("/sign-in/google/back", {"code": "c", "state": query["state"]})["Location"] == "/sign-in"
    assert len(asked) == 1
