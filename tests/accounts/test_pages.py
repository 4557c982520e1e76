"""Page sessions hang on our session rows; the console is the operators'."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.test import Client, RequestFactory

from accounts.models import Session, User
from accounts.services.api_key import api_key_create
from accounts.services.event import event_append
from accounts.services.second_factor import STEP_S, second_factor_confirm, second_factor_start, totp_code
from accounts.services.session import session_revoke_all
from accounts.services.user import user_ban
from accounts.web.client import client_address
from accounts.web.middleware import attach
from accounts.web.session import KEY, page_sign_in, page_sign_out
from accounts.web.store import SessionStore
from config.kernel import clock as kernel_clock
from config.kernel.principal import Principal
from tests.accounts.conftest import Person, opened

PASSWORD = "password123"


def visit(session: SessionStore | None = None) -> Any:
    """A request of a browser, as it leaves the middleware."""
    request: Any = RequestFactory().get("/", headers={"user-agent": "Browser/1"})
    request.session = session if session is not None else SessionStore()
    attach(request)
    return request


@pytest.mark.django_db
class TestPages:
    def test_nobody_costs_no_statement(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            request = visit()
            assert not request.principal
            assert isinstance(request.user, AnonymousUser)
            assert not isinstance(request.principal, Principal)

    def test_signing_in_counts_at_once_and_on_the_next_page(self, person: Person) -> None:
        user = person()
        request = visit()
        page_sign_in(request, user)
        for seen in (request, visit(request.session)):
            assert isinstance(seen.principal, Principal)
            assert seen.principal.user_id == user.pk
            assert seen.user == user
        row = Session.objects.get()
        assert (row.form, row.user_agent, row.address) == ("page", "Browser/1", "127.0.0.1")

    @pytest.mark.parametrize("cookie", ['"aaaaaaaaaaaaaaa\\000"', "aaaaaaaaaaaaaaa\x00", "é" * 20, "a-b" * 10, "a"])
    def test_a_cookie_that_names_no_session_is_a_visitor(self, client: Client, cookie: str) -> None:
        answer = client.get("/", headers={"cookie": f"sessionid={cookie}"})
        assert answer.status_code == 200
        assert not answer.wsgi_request.principal

    def test_signing_in_changes_the_session_key(self, person: Person) -> None:
        request = visit()
        request.session["x"] = 1
        request.session.save()
        before = request.session.session_key
        page_sign_in(request, person())
        assert request.session.session_key != before

    def test_signing_out_revokes_the_row(self, person: Person) -> None:
        request = visit()
        page_sign_in(request, person())
        page_sign_out(request)
        assert not request.principal
        assert Session.objects.get().revoked_at is not None

    def test_everywhere_includes_the_pages(self, person: Person) -> None:
        user = person()
        request = visit()
        page_sign_in(request, user)
        session_revoke_all(user_id=user.pk)
        seen = visit(request.session)
        assert not seen.principal
        assert isinstance(seen.user, AnonymousUser)

    def test_banned_user_is_out_at_once(self, person: Person) -> None:
        user = person()
        request = visit()
        page_sign_in(request, user)
        user_ban(user_id=user.pk, banned=True)
        assert not visit(request.session).principal

    def test_django_session_without_a_row_of_ours_is_nobody(self, person: Person) -> None:
        request = visit()
        page_sign_in(request, person())
        del request.session[KEY]
        assert not visit(request.session).principal
        assert isinstance(visit(request.session).user, AnonymousUser)

    def test_row_of_another_user_is_nobody(self, person: Person) -> None:
        request = visit()
        page_sign_in(request, person())
        request.session[KEY] = str(opened(person()).session_id)
        assert not visit(request.session).principal

    def test_page_session_ends_with_its_time(self, person: Person) -> None:
        request = visit()
        page_sign_in(request, person())
        Session.objects.update(expires_at=kernel_clock.real_now())
        assert not visit(request.session).principal


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "found"),
    [
        ("1.2.3.4", "", [], "1.2.3.4"),
        ("1.2.3.4", "9.9.9.9", [], "1.2.3.4"),
        ("10.0.0.1", "9.9.9.9", ["10.0.0.0/8"], "9.9.9.9"),
        ("10.0.0.1", "6.6.6.6, 9.9.9.9, 10.0.0.2", ["10.0.0.0/8"], "9.9.9.9"),
        ("10.0.0.1", "garbage", ["10.0.0.0/8"], "10.0.0.1"),
        ("10.0.0.1", "", ["10.0.0.0/8"], "10.0.0.1"),
        ("::ffff:1.2.3.4", "", [], "1.2.3.4"),
        ("", "9.9.9.9", [], None),
    ],
)
def test_client_address(settings: Any, remote: str, forwarded: str, proxies: list[str], found: str | None) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = HttpRequest()
    request.META.update(REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == found


@pytest.mark.django_db
class TestConsole:
    @pytest.fixture
    def operator(self, person: Person) -> User:
        return person("operator", password=PASSWORD, is_staff=True)

    def enter(self, client: Client, **more: str) -> Any:
        return client.post("/admin/login/", {"username": "operator", "password": PASSWORD, "next": "/admin/", **more})

    def test_operator_enters_in_demo_mode_through_a_session_of_ours(self, client: Client, operator: User) -> None:
        assert client.get("/admin/").status_code == 302
        assert self.enter(client).status_code == 302
        assert client.get("/admin/").status_code == 200
        assert Session.objects.get().form == "page"
        session_revoke_all(user_id=operator.pk)
        assert client.get("/admin/").status_code == 302

    def test_users_do_not_enter(self, client: Client, person: Person) -> None:
        person("operator", password=PASSWORD)
        assert self.enter(client).status_code == 200
        assert client.get("/admin/").status_code == 302
        assert not Session.objects.exists()

    def test_outside_demo_mode_a_second_factor_is_needed(self, client: Client, operator: User, settings: Any) -> None:
        settings.DEMO = False
        assert self.enter(client).status_code == 200
        assert not Session.objects.exists()
        secret, _ = second_factor_start(user=operator)
        now = int(kernel_clock.real_now().timestamp()) // STEP_S
        second_factor_confirm(user_id=operator.pk, code=totp_code(secret, now - 1))
        assert self.enter(client).status_code == 200
        assert self.enter(client, otp=totp_code(secret, now)).status_code == 302
        assert client.get("/admin/").status_code == 200

    def test_every_list_and_form_opens_and_no_secret_is_shown(self, client: Client, operator: User, person: Person) -> None:
        from django.contrib import admin

        from accounts.services.webhook import delivery_create

        self.enter(client)
        key = api_key_create(user_id=operator.pk, name="mine")
        second_factor_start(user=operator)
        event_append(user_id=operator.pk, kind="task.started", payload={})
        delivery_create(user_id=operator.pk, api_key_id=key.id, url="http://localhost:9/", event_kind="x", reference="r", body=b"{}")
        secrets = (key.key[10:], key.webhook_secret, operator.password)
        for model in admin.site._registry:
            if model._meta.app_label != "accounts":
                continue
            name = model._meta.model_name
            pages = [f"/admin/accounts/{name}/"]
            pages += [
                f"/admin/accounts/{name}/{row.pk}/change/"
                for row in model._default_manager.all()[:1]
                if name not in {"mailtoken", "erasedidentity"}
            ]
            for page in pages:
                answer = client.get(page)
                assert answer.status_code == 200, page
                assert not any(secret in answer.content.decode() for secret in secrets), page

    def test_logs_cannot_be_changed_there(self, client: Client, operator: User) -> None:
        from accounts.models import Event

        self.enter(client)
        event = Event.objects.first()
        assert client.post(f"/admin/accounts/event/{event.pk}/change/", {"kind": "x"}).status_code == 403
        assert client.post(f"/admin/accounts/event/{event.pk}/delete/", {"post": "yes"}).status_code == 403
        assert client.get("/admin/accounts/event/add/").status_code == 403

    def test_ban_goes_through_the_service_and_is_noted(self, client: Client, operator: User, person: Person) -> None:
        from django.contrib.admin.models import LogEntry

        user = person()
        self.enter(client)
        client.post("/admin/accounts/user/", {"action": "ban", "_selected_action": [user.pk]})
        assert User.objects.get(pk=user.pk).banned_at is not None
        assert LogEntry.objects.filter(object_id=str(user.pk)).count() == 1
        client.post("/admin/accounts/user/", {"action": "unban", "_selected_action": [user.pk]})
        assert User.objects.get(pk=user.pk).banned_at is None


@pytest.mark.django_db
def test_create_operator_tells_the_second_factor_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, person: Person
) -> None:
    from django.core.management import CommandError, call_command

    monkeypatch.setenv("OPERATOR_PASSWORD", PASSWORD)
    call_command("create_operator", "chief")
    shown = capsys.readouterr().out
    user = User.objects.get()
    assert user.is_staff
    assert "otpauth://totp/Atelier:chief?secret=" in shown
    assert user.second_factor.confirmed_at is not None
    call_command("create_operator", "chief")
    assert capsys.readouterr().out != shown
    person("plain")
    with pytest.raises(CommandError):
        call_command("create_operator", "plain")
