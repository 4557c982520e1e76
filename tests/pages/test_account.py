"""Keys shown once, sessions ended for good, deliveries replayed, and nobody else's of any of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, Identity, Session, User, WebhookDelivery
from accounts.services.api_key import api_key_create
from accounts.services.webhook import delivery_create
from tests.pages.conftest import PASSWORD, Reader

pytestmark = pytest.mark.django_db


def test_a_key_and_its_secret_are_shown_once(reader: Callable[..., Reader]) -> None:
    person = reader()
    sent = {"name": "printer", "scopes": ["generation", "tasks"], "budget_day_credits": "50"}
    html = person.client.post("/account/keys", sent)
    key = re.search(r'id="new-key">([^<]+)<', html.content.decode())
    secret = re.search(r'id="new-secret">(whsec_[^<]+)<', html.content.decode())
    assert key
    assert secret
    assert html["Cache-Control"] == "no-store"
    row = ApiKey.objects.get(user=person.user)
    assert (row.name, sorted(row.scopes), row.budget_day_credits) == ("printer", ["generation", "tasks"], 50)
    again = person.client.get("/account/keys").content.decode()
    assert "printer" in again
    assert key[1] not in again
    assert secret[1] not in again


@pytest.mark.parametrize("fault", [{"name": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"budget_day_credits": "-1"}])
def test_a_faulty_key_is_not_made(fault: dict[str, Any], reader: Callable[..., Reader]) -> None:
    person = reader()
    assert person.client.post("/account/keys", {"name": "printer", "scopes": ["tasks"], **fault}).status_code == 422
    assert not ApiKey.objects.filter(user=person.user).exists()


def test_only_the_owner_revokes_a_key(reader: Callable[..., Reader]) -> None:
    owner, stranger = reader(), reader()
    made = api_key_create(user_id=owner.user.pk, name="mine")
    path = reverse("account-key-revoke", args=[made.id])
    stranger.client.post(path)
    assert ApiKey.objects.get(pk=made.id).revoked_at is None
    owner.client.post(path)
    assert ApiKey.objects.get(pk=made.id).revoked_at is not None


def test_sessions_end_one_by_one_and_all_at_once(reader: Callable[..., Reader]) -> None:
    person = reader()
    elsewhere = Reader(person.user).sign_in()
    other = Session.objects.filter(user=person.user).latest("opened_at")
    person.client.post(reverse("account-session-end", args=[other.pk]))
    assert elsewhere.client.get("/create").status_code == 302
    assert person.client.get("/create").status_code == 200
    elsewhere.sign_in()
    person.client.post("/account/sessions")
    assert person.client.get("/create").status_code == 302
    assert elsewhere.client.get("/create").status_code == 302
    assert not Session.objects.filter(user=person.user, revoked_at__isnull=True).exists()


def test_a_stranger_ends_no_session(reader: Callable[..., Reader]) -> None:
    person, stranger = reader(), reader()
    mine = Session.objects.get(user=person.user)
    stranger.client.post(reverse("account-session-end", args=[mine.pk]))
    assert person.client.get("/create").status_code == 200


def test_deliveries_show_their_tries_and_are_replayed_by_their_owner(
    reader: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, stranger = reader(), reader()
    waiting = delivery_create(
        user_id=person.user.pk, api_key_id=None, url="https://hooks.example/x", event_kind="task.completed", reference="ref-1", body=b"{}"
    )
    assert waiting
    sent: list[str] = []

    def send(delivery: WebhookDelivery) -> tuple[int, str]:
        sent.append(delivery.reference)
        return 204, ""

    monkeypatch.setattr("accounts.services.webhook._send", send)
    path = reverse("account-webhook-replay", args=[waiting.pk])
    stranger.client.post(path)
    assert not sent
    assert "ref-1" not in stranger.client.get("/account/webhooks").content.decode()
    assert "204" in person.client.post(path, follow=True).content.decode()
    assert sent == ["ref-1"]
    assert "hooks.example" in person.client.get("/account/webhooks").content.decode()


def test_the_profile_is_changed_and_a_taken_name_is_told(reader: Callable[..., Reader]) -> None:
    person, other = reader(), reader()
    person.client.post("/account", {"username": "renamed-person", "nickname": "R", "language": "en"})
    person.user.refresh_from_db()
    assert (person.user.username, person.user.nickname, person.user.language) == ("renamed-person", "R", "en")
    assert person.client.post("/account", {"username": other.user.username, "nickname": "", "language": "en"}).status_code == 422
    person.user.refresh_from_db()
    assert person.user.username == "renamed-person"


def test_an_address_is_proven_by_pressing_not_by_looking(reader: Callable[..., Reader], mailoutbox: list[Any], settings: Any) -> None:
    settings.EMAIL_HOST = "mail.example"
    person = reader()
    person.client.post("/account/email", {"address": "me@mail.example"})
    link = re.search(r"/account/email/prove\?token=\S+", mailoutbox[0].body)
    assert link
    assert person.client.get(link[0]).status_code == 200
    assert not Identity.objects.filter(user=person.user, kind="email").exists()
    person.client.post(link[0])
    assert Identity.objects.get(user=person.user, kind="email").subject == "me@mail.example"
    assert person.client.post(link[0]).status_code == 422


def test_a_new_password_ends_the_other_sessions(reader: Callable[..., Reader]) -> None:
    person = reader()
    elsewhere = Reader(person.user).sign_in()
    assert person.client.post("/account/password", {"password": "short"}).status_code == 422
    person.client.post("/account/password", {"password": "another long one"})
    assert elsewhere.client.get("/create").status_code == 302
    wrong = Client().post("/sign-in?way=password", {"username": person.user.username, "password": PASSWORD})
    assert wrong.status_code == 422


def test_an_account_is_deleted_only_under_its_name(reader: Callable[..., Reader]) -> None:
    person = reader()
    person.client.post("/account/delete", {"confirm": "somebody"})
    assert User.objects.get(pk=person.user.pk).deletion_requested_at is None
    person.client.post("/account/delete", {"confirm": person.user.username})
    assert User.objects.get(pk=person.user.pk).deletion_requested_at is not None
    assert person.client.get("/create").status_code == 302
    Reader(person.user).sign_in()
    assert User.objects.get(pk=person.user.pk).deletion_requested_at is None
