"""Contract `video`, sign-in and user: every example of 000 §1–2 and 001 §1, §4, and every refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Identity, Session, SmsCode, User
from accounts.services.api_key import api_key_create
from accounts.services.user import user_ban, user_delete_request
from tests.accounts.conftest import Person, opened
from tests.harness import Answer, Api

pytestmark = pytest.mark.django_db
WEEK_S = 7 * 86_400
TOKEN_FIELDS = ["access_token", "refresh_token", "token_type", "expires_in"]


@pytest.fixture
def anybody() -> Api:
    return Api()


def signed_in(user: User) -> Api:
    return Api(opened(user, access_life_s=WEEK_S).access_token)


def code_of(settings: Any, phone: str = "+8613800138000") -> str:
    return json.loads((Path(settings.DATA_DIR) / "sms" / f"{phone}.jsonl").read_text().splitlines()[-1])["code"]


def google(anybody: Api, subject: str = "g-1", email: str = "ann@example.com") -> Answer:
    code = anybody.post("/sandbox/identity/google", {"subject": subject, "email": email}).body["code"]
    return anybody.post("/api/auth/google/login", {"code": code, "redirect_uri": "https://sparkvideo.cc/auth/callback"})


class TestGoogle:
    def test_signs_in_with_a_code_of_the_sandbox(self, anybody: Api) -> None:
        answer = google(anybody)
        assert answer.status == 200
        assert list(answer.body) == TOKEN_FIELDS
        assert (answer.body["token_type"], answer.body["expires_in"]) == ("bearer", 604_800)
        me = Api(answer.body["access_token"]).get("/api/auth/me").body
        assert (me["username"], me["email"], me["credits"], me["region"]) == ("ann", "ann@example.com", 100, "CN")

    def test_wrong_code_is_401(self, anybody: Api) -> None:
        answer = anybody.post("/api/auth/google/login", {"code": "4/0AY0e-g7xxx"})
        assert answer.status == 401
        assert isinstance(answer.body["detail"], str)
        assert not User.objects.exists()

    def test_unconfigured_is_503(self, anybody: Api, settings: Any) -> None:
        settings.DEMO, settings.GOOGLE_CLIENT_ID = False, ""
        answer = anybody.post("/api/auth/google/login", {"code": "x"})
        assert answer.status == 503
        assert isinstance(answer.body["detail"], str)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "code"),
            ({"code": ""}, "code"),
            ({"code": 1}, "code"),
            ({"code": None}, "code"),
            ({"code": "x" * 2049}, "code"),
            ({"code": "x", "redirect_uri": 5}, "redirect_uri"),
            ({"code": "x", "redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        ],
    )
    def test_bad_input_is_422_and_names_the_field(self, anybody: Api, body: Any, field: str) -> None:
        answer = anybody.post("/api/auth/google/login", body)
        assert answer.status == 422
        assert [fault["loc"] for fault in answer.body["detail"]] == [["body", field]]
        assert {"loc", "msg", "type"} == set(answer.body["detail"][0])

    def test_sandbox_refuses_what_is_no_person(self, anybody: Api) -> None:
        bodies: list[Any] = [{}, {"subject": 1}, {"subject": ""}, {"subject": "a", "email": "no address"}, []]
        for body in bodies:
            assert anybody.post("/sandbox/identity/google", body).status == 422
        assert anybody.request("POST", "/sandbox/identity/google", raw=b"{").status == 422
        assert anybody.get("/sandbox/identity/google").status == 405


class TestSms:
    def test_send_answers_as_documented(self, anybody: Api, settings: Any) -> None:
        answer = anybody.post("/api/auth/sms/send", {"phone_number": "86-13800138000"})
        assert (answer.status, answer.body) == (
            200,
            {
                "message": "Verification code sent successfully",
                "phone_number": "86-13800138000",
                "expires_in": 300,
                "remaining_requests": 4,
            },
        )
        assert len(code_of(settings)) == 6

    def test_sixth_within_an_hour_is_429_with_retry_after(self, anybody: Api) -> None:
        for remaining in range(4, -1, -1):
            assert anybody.post("/api/auth/sms/send", {"phone_number": "86-13800138000"}).body["remaining_requests"] == remaining
        answer = anybody.post("/api/auth/sms/send", {"phone_number": "13800138000"})
        assert answer.status == 429
        assert 3500 < int(answer.headers["Retry-After"]) <= 3600
        assert SmsCode.objects.count() == 5

    @pytest.mark.parametrize("phone", ["", "12345", "010-12345678", 13800138000, None, "86-1380013800x"])
    def test_bad_number_is_422(self, anybody: Api, phone: Any) -> None:
        answer = anybody.post("/api/auth/sms/send", {"phone_number": phone})
        assert answer.status == 422
        assert answer.body["detail"][0]["loc"] == ["body", "phone_number"]
        assert not SmsCode.objects.exists()

    def test_unconfigured_is_503(self, anybody: Api, settings: Any) -> None:
        settings.SMS_GATEWAY = ""
        assert anybody.post("/api/auth/sms/send", {"phone_number": "86-13800138000"}).status == 503

    def login(self, anybody: Api, settings: Any, **more: Any) -> Answer:
        anybody.post("/api/auth/sms/send", {"phone_number": "86-13800138000"})
        return anybody.post("/api/auth/sms/login", {"phone_number": "86-13800138000", "code": code_of(settings), **more})

    def test_login_registers_for_a_day(self, anybody: Api, settings: Any) -> None:
        answer = self.login(anybody, settings, username="张三")
        assert answer.status == 200
        assert list(answer.body) == TOKEN_FIELDS
        assert answer.body["expires_in"] == 86_400
        me = Api(answer.body["access_token"]).get("/api/auth/me").body
        assert (me["username"], me["phone_number"], me["email"], me["credits"]) == ("张三", "86-13800138000", None, 100)
        assert anybody.post("/api/auth/refresh", {"refresh_token": answer.body["refresh_token"]}).body["expires_in"] == 86_400

    def test_second_login_finds_the_same_user_and_pays_no_second_gift(self, anybody: Api, settings: Any) -> None:
        first, second = (Api(self.login(anybody, settings).body["access_token"]).get("/api/auth/me").body for _ in range(2))
        assert first == second
        assert second["credits"] == 100

    def test_wrong_code_is_401_and_five_burn_it(self, anybody: Api, settings: Any) -> None:
        anybody.post("/api/auth/sms/send", {"phone_number": "86-13800138000"})
        code = code_of(settings)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        for attempt in (wrong,) * 5 + (code,):
            assert anybody.post("/api/auth/sms/login", {"phone_number": "86-13800138000", "code": attempt}).status == 401
        assert not User.objects.exists()

    @pytest.mark.parametrize("username", ["", "   ", "x" * 51, 5, ["a"]])
    def test_bad_name_is_422_and_spends_no_code(self, anybody: Api, settings: Any, username: Any) -> None:
        assert self.login(anybody, settings, username=username).status == 422
        assert SmsCode.objects.get().used_at is None

    def test_banned_is_403(self, anybody: Api, settings: Any) -> None:
        self.login(anybody, settings)
        user_ban(user_id=User.objects.get().pk, banned=True)
        assert self.login(anybody, settings).status == 403


class TestTestLogin:
    def test_signs_in_as_a_demo_user(self, anybody: Api, person: Person) -> None:
        person("somebody")
        person("demo-operator", is_demo=True, is_staff=True)
        person("demo-one", is_demo=True)
        person("demo-two", is_demo=True)
        for body, name in ((None, "demo-one"), ({}, "demo-one"), ({"username": "DEMO-two"}, "demo-two")):
            answer = anybody.post("/api/auth/test/login", body)
            assert answer.body["expires_in"] == 604_800
            assert Api(answer.body["access_token"]).get("/api/auth/me").body["username"] == name

    @pytest.mark.parametrize("username", ["somebody", "demo-operator", "nobody"])
    def test_others_are_404(self, anybody: Api, person: Person, username: str) -> None:
        person("somebody")
        person("demo-operator", is_demo=True, is_staff=True)
        assert anybody.post("/api/auth/test/login", {"username": username}).status == 404
        assert not Session.objects.exists()


class TestTokens:
    def test_refresh_rotates_and_a_reused_token_ends_the_session(self, anybody: Api) -> None:
        first = google(anybody).body
        answer = anybody.post("/api/auth/refresh", {"refresh_token": first["refresh_token"]})
        assert list(answer.body) == TOKEN_FIELDS
        assert answer.body["expires_in"] == 604_800
        assert answer.body["refresh_token"] != first["refresh_token"]
        assert anybody.post("/api/auth/refresh", {"refresh_token": first["refresh_token"]}).status == 401
        assert Api(answer.body["access_token"]).get("/api/auth/me").status == 401
        assert anybody.post("/api/auth/refresh", {"refresh_token": answer.body["refresh_token"]}).status == 401

    def test_access_token_is_no_refresh_token(self, anybody: Api) -> None:
        tokens = google(anybody).body
        assert anybody.post("/api/auth/refresh", {"refresh_token": tokens["access_token"]}).status == 401
        assert Api(tokens["refresh_token"]).get("/api/auth/me").status == 401
        assert Api(tokens["access_token"]).get("/api/auth/me").status == 200

    @pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": 5}, {"refresh_token": None}])
    def test_bad_refresh_is_422(self, anybody: Api, body: Any) -> None:
        assert anybody.post("/api/auth/refresh", body).status == 422

    def test_logout_counts_from_the_next_request_on(self, anybody: Api) -> None:
        tokens = google(anybody).body
        other = google(anybody).body
        client = Api(tokens["access_token"])
        answer = client.post("/api/auth/logout")
        assert (answer.status, answer.body) == (200, {"message": "Successfully logged out"})
        assert client.get("/api/auth/me").status == 401
        assert client.post("/api/auth/logout").status == 401
        assert anybody.post("/api/auth/refresh", {"refresh_token": tokens["refresh_token"]}).status == 401
        assert Api(other["access_token"]).get("/api/auth/me").status == 200


SIGNED_IN = [
    ("GET", "/api/auth/me"),
    ("POST", "/api/auth/logout"),
    ("GET", "/api/users/profile"),
    ("PUT", "/api/users/profile"),
    ("GET", "/api/users/credits"),
    ("DELETE", "/api/users/account"),
]


class TestWhoMay:
    @pytest.mark.parametrize(("method", "path"), SIGNED_IN)
    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer x", "Basic abc", "Bearer a.b.c", "bearer \x00"])
    def test_nobody_is_401(self, anybody: Api, method: str, path: str, authorization: str) -> None:
        answer = anybody.request(method, path, headers={"Authorization": authorization})
        assert answer.status == 401
        assert isinstance(answer.body["detail"], str)
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(("method", "path"), SIGNED_IN)
    def test_banned_is_403(self, person: Person, method: str, path: str) -> None:
        user = person()
        client = signed_in(user)
        user_ban(user_id=user.pk, banned=True)
        assert client.request(method, path).status == 403
        assert User.objects.get().deletion_requested_at is None

    @pytest.mark.parametrize(("method", "path"), SIGNED_IN)
    def test_personal_key_acts_within_its_scopes(self, person: Person, method: str, path: str) -> None:
        user = person()
        reads = (method, path) in {
            ("GET", "/api/auth/me"),
            ("GET", "/api/users/profile"),
            ("GET", "/api/users/credits"),
            ("PUT", "/api/users/profile"),
        }
        wide = Api(api_key_create(user_id=user.pk, name="all").key)
        narrow = Api(api_key_create(user_id=user.pk, name="tasks", scopes=["tasks"]).key)
        assert wide.request(method, path, {} if method == "PUT" else None).status == (200 if reads else 403)
        assert narrow.request(method, path).status == 403
        assert User.objects.get().deletion_requested_at is None

    @pytest.mark.parametrize(("method", "path"), [(method, path) for method, path in SIGNED_IN if method != "POST"])
    def test_wrong_method_is_405_with_allow(self, anybody: Api, method: str, path: str) -> None:
        answer = anybody.request("PATCH", path)
        assert answer.status == 405
        assert method in answer.headers["Allow"]

    @pytest.mark.parametrize("path", ["google/login", "sms/send", "sms/login", "refresh", "test/login"])
    @pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"\xff\xfe", b"null", b"1" * 70])
    def test_broken_bodies_are_422(self, anybody: Api, path: str, raw: bytes) -> None:
        answer = anybody.request("POST", f"/api/auth/{path}", raw=raw)
        assert answer.status == 422
        assert isinstance(answer.body["detail"], list)
        assert not User.objects.exists()


class TestUser:
    def test_me(self, person: Person) -> None:
        user = person("john_doe", email="user@example.com")
        assert signed_in(user).get("/api/auth/me").body == {
            "id": str(user.uuid),
            "email": "user@example.com",
            "phone_number": None,
            "username": "john_doe",
            "credits": 100,
            "avatar_url": None,
            "region": "CN",
        }

    def test_profile(self, person: Person) -> None:
        user = person("john_doe", email="user@example.com", avatar_url="https://example.com/avatar.jpg")
        body = signed_in(user).get("/api/users/profile").body
        assert list(body) == ["id", "email", "username", "avatar_url", "region", "language", "credits", "created_at", "last_login_at"]
        assert (body["id"], body["language"], body["credits"]) == (str(user.uuid), "zh-CN", 100)
        for name in ("created_at", "last_login_at"):
            assert body[name].endswith("Z")

    def test_profile_update_changes_what_is_given(self, person: Person) -> None:
        user = person("john_doe")
        client = signed_in(user)
        change = {"username": "new_username", "avatar_url": "https://example.com/new-avatar.jpg", "language": "en"}
        body = client.put("/api/users/profile", change).body
        assert {name: body[name] for name in change} == change
        assert client.put("/api/users/profile", {"avatar_url": None}).body["avatar_url"] is None
        assert client.put("/api/users/profile", {}).body["username"] == "new_username"
        assert client.get("/api/users/profile").body["language"] == "en"

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"username": "ab"}, 422),
            ({"username": "x" * 51}, 422),
            ({"username": 5}, 422),
            ({"username": None}, 422),
            ({"username": "taken"}, 400),
            ({"language": "tlh"}, 422),
            ({"language": "EN"}, 422),
            ({"avatar_url": "ftp://example.com/a"}, 422),
            ({"avatar_url": "http://192.168.0.1/a.png"}, 422),
            ({"avatar_url": 5}, 422),
            ({"avatar_url": "https://example.com/" + "x" * 500}, 422),
        ],
    )
    def test_bad_profile_update_changes_nothing(self, person: Person, change: Any, status: int) -> None:
        user = person("john_doe")
        person("taken")
        client = signed_in(user)
        before = client.get("/api/users/profile").body
        answer = client.put("/api/users/profile", {"language": "ja", **change})
        assert answer.status == status
        assert client.get("/api/users/profile").body == before

    def test_credits(self, person: Person) -> None:
        user = person()
        assert signed_in(user).get("/api/users/credits").body == {
            "user_id": str(user.uuid),
            "credits": 100,
            "total_earned": 100,
            "total_spent": 0,
        }

    def test_deletion_signs_out_and_signing_in_restores(self, anybody: Api) -> None:
        client = Api(google(anybody).body["access_token"])
        answer = client.delete("/api/users/account")
        assert (answer.status, answer.body) == (
            200,
            {"message": "Account deletion requested. Your account will be deleted within 30 days."},
        )
        assert client.get("/api/auth/me").status == 401
        back = google(anybody)
        assert back.body["account_restored"] is True
        assert Api(back.body["access_token"]).get("/api/auth/me").body["credits"] == 100
        assert "account_restored" not in google(anybody).body

    def test_users_see_themselves_only(self, person: Person) -> None:
        first, second = person(), person()
        assert signed_in(first).get("/api/auth/me").body["id"] == str(first.uuid)
        assert signed_in(second).get("/api/users/credits").body["user_id"] == str(second.uuid)

    def test_deletion_requested_user_cannot_go_on(self, person: Person) -> None:
        user = person()
        client = signed_in(user)
        user_delete_request(user_id=user.pk)
        assert client.get("/api/users/profile").status == 401

    def test_every_answer_carries_a_request_id(self, anybody: Api) -> None:
        given = "6f1c1c1e-58a1-4b3e-9a55-0d5f4a8f2b11"
        assert anybody.get("/api/auth/me", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given
        assert anybody.get("/api/auth/me", headers={"X-Request-ID": "x"}).headers["X-Request-ID"] != "x"


def test_proven_contact_is_shown_when_no_other_was_set(person: Person) -> None:
    user = person(proven=[("email", "proven@example.com"), ("phone", "+85251234567")])
    body = signed_in(user).get("/api/auth/me").body
    assert (body["email"], body["phone_number"]) == ("proven@example.com", "852-51234567")
    assert Identity.objects.count() == 2


def test_cookies_of_a_page_open_no_api(person: Person) -> None:
    from django.test import RequestFactory

    from accounts.web.session import page_sign_in

    client = Client()
    request = RequestFactory().get("/")
    request.session = client.session
    page_sign_in(request, person())
    request.session.save()
    client.cookies["sessionid"] = str(request.session.session_key)
    assert client.get("/api/auth/me").status_code == 401
