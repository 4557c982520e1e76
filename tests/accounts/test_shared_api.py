"""/api/v1/auth/*: what documents 002 and 003 share, as the union of both."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest

from accounts.models import Session, User
from accounts.selectors.invite import invite_code
from accounts.services.second_factor import STEP_S, second_factor_confirm, second_factor_start, totp_code
from accounts.services.user import user_ban, user_delete_request
from config.kernel import clock as kernel_clock
from tests.accounts.conftest import Person, opened
from tests.harness import Answer, Api

pytestmark = pytest.mark.django_db
PASSWORD = "password123"
ENVELOPE = ["code", "message", "data", "timestamp", "requestId"]


@pytest.fixture
def v1() -> Api:
    return Api()


@pytest.fixture
def user(person: Person) -> User:
    return person("user123", password=PASSWORD, nickname="用户123", email="user123@example.com")


def login(v1: Api, password: str = PASSWORD, **more: Any) -> Answer:
    return v1.post("/api/v1/auth/login", {"username": "user123", "password": password, **more})


def check_envelope(answer: Answer, status: int, message: str | None = None) -> None:
    assert answer.status == status
    assert list(answer.body) == ENVELOPE
    assert answer.body["code"] == status
    assert abs(answer.body["timestamp"] - time.time() * 1000) < 60_000
    assert answer.body["requestId"] == answer.headers["X-Request-ID"]
    if message:
        assert answer.body["message"] == message


class TestRegister:
    def test_answers_as_documented_with_the_gift(self, v1: Api) -> None:
        answer = v1.post("/api/v1/auth/register", {"username": "testuser", "email": "test@example.com", "password": PASSWORD})
        check_envelope(answer, 200, "注册成功")
        user = User.objects.get()
        assert answer.body["data"] == {
            "id": user.pk,
            "username": "testuser",
            "email": "test@example.com",
            "credit_balance": 100,
            "is_member": False,
            "referral_code": invite_code(user.pk),
        }
        assert v1.post("/api/v1/auth/login", {"username": "testuser", "password": PASSWORD}).status == 200

    def test_unknown_referral_code_is_ignored_and_said_so(self, v1: Api) -> None:
        body = {"username": "testuser", "email": "t@example.com", "password": PASSWORD, "referral_code": "NOBODY"}
        answer = v1.post("/api/v1/auth/register", body)
        assert answer.body["data"]["referral_accepted"] is False

    @pytest.mark.parametrize(
        "change",
        [
            {"username": None},
            {"username": "ab"},
            {"username": 5},
            {"password": "short"},
            {"password": None},
            {"password": ["x"]},
            {"email": "no address"},
            {"email": 1},
            {"username": "USER123"},
        ],
    )
    def test_bad_input_is_400_and_makes_nobody(self, v1: Api, user: User, change: dict[str, Any]) -> None:
        body = {"username": "testuser", "email": "t@example.com", "password": PASSWORD, **change}
        answer = v1.post("/api/v1/auth/register", {name: value for name, value in body.items() if value is not None})
        check_envelope(answer, 400)
        assert User.objects.count() == 1


class TestLogin:
    @pytest.mark.parametrize("password", [PASSWORD, hashlib.md5(PASSWORD.encode()).hexdigest()])
    def test_answers_the_union_of_both_documents(self, v1: Api, user: User, password: str) -> None:
        answer = login(v1, password)
        check_envelope(answer, 200, "登录成功")
        data = answer.body["data"]
        assert list(data) == ["token", "refreshToken", "expiresIn", "access_token", "refresh_token", "token_type", "user"]
        assert (data["token"], data["refreshToken"]) == (data["access_token"], data["refresh_token"])
        assert (data["expiresIn"], data["token_type"]) == (86_400, "bearer")
        assert data["user"] == {
            "id": user.pk,
            "username": "user123",
            "email": "user123@example.com",
            "credit_balance": 100,
            "is_member": False,
            "membership_type": None,
            "membership_end_date": None,
            "referral_code": invite_code(user.pk),
            "nickname": "用户123",
            "avatar": None,
            "role": "USER",
            "vipLevel": 0,
        }

    @pytest.mark.parametrize("body", [{"username": "user123", "password": "wrong-password"}, {"username": "nobody", "password": PASSWORD}])
    def test_wrong_is_401_and_opens_nothing(self, v1: Api, user: User, body: Any) -> None:
        check_envelope(v1.post("/api/v1/auth/login", body), 401, "用户名或密码错误")
        assert not Session.objects.exists()

    @pytest.mark.parametrize("raw", [b"{", b"[]", b"", b'{"username":"user123"}', b'{"username":5,"password":"x"}', b"\xff"])
    def test_broken_body_is_400(self, v1: Api, user: User, raw: bytes) -> None:
        check_envelope(v1.request("POST", "/api/v1/auth/login", raw=raw), 400)

    def test_banned_is_403(self, v1: Api, user: User) -> None:
        user_ban(user_id=user.pk, banned=True)
        check_envelope(login(v1), 403)

    def test_restores_a_leaving_user_and_says_so(self, v1: Api, user: User) -> None:
        user_delete_request(user_id=user.pk)
        assert login(v1).body["data"]["account_restored"] is True
        assert "account_restored" not in login(v1).body["data"]

    def test_operator_shows_a_second_factor(self, v1: Api, person: Person) -> None:
        from accounts.services.authentication import principal_of

        operator = person("user123", password=PASSWORD, is_staff=True)
        plain = login(v1).body["data"]
        assert plain["user"]["role"] == "ADMIN"
        assert not principal_of(access_token=plain["token"], api_key=None).second_factor
        secret, _ = second_factor_start(user=operator)
        now = int(kernel_clock.real_now().timestamp()) // STEP_S
        second_factor_confirm(user_id=operator.pk, code=totp_code(secret, now - 1))
        check_envelope(login(v1), 401)
        check_envelope(login(v1, otp="000000" if totp_code(secret, now) != "000000" else "000001"), 401)
        token = login(v1, otp=totp_code(secret, now)).body["data"]["token"]
        principal = principal_of(access_token=token, api_key=None)
        assert principal.is_operator
        assert principal.second_factor


class TestTokens:
    def test_refresh_takes_the_header_and_gives_no_new_refresh_token(self, v1: Api, user: User) -> None:
        tokens = login(v1).body["data"]
        for _ in range(2):
            answer = Api(tokens["refreshToken"]).post("/api/v1/auth/refresh")
            check_envelope(answer, 200, "Token刷新成功")
            assert list(answer.body["data"]) == ["token", "expiresIn", "access_token", "token_type"]
            assert answer.body["data"]["expiresIn"] == 86_400
            assert Api(answer.body["data"]["token"]).get("/api/v1/auth/me").status == 200

    def test_each_kind_of_token_does_its_own_work_only(self, v1: Api, user: User) -> None:
        tokens = login(v1).body["data"]
        check_envelope(Api(tokens["token"]).post("/api/v1/auth/refresh"), 401)
        check_envelope(Api(tokens["refreshToken"]).get("/api/v1/auth/me"), 401)
        check_envelope(v1.post("/api/v1/auth/refresh", {"refresh_token": tokens["refreshToken"]}), 401)

    def test_forms_do_not_mix(self, v1: Api, user: User) -> None:
        header, body = login(v1).body["data"]["refreshToken"], opened(user).refresh_token
        assert v1.post("/api/auth/refresh", {"refresh_token": header}).status == 401
        check_envelope(Api(body).post("/api/v1/auth/refresh"), 401)
        assert Api(header).post("/api/v1/auth/refresh").status == 200
        assert v1.post("/api/auth/refresh", {"refresh_token": body}).status == 200

    def test_token_works_in_the_other_contract(self, v1: Api, user: User) -> None:
        assert Api(login(v1).body["data"]["token"]).get("/api/auth/me").body["username"] == "user123"
        assert Api(opened(user).access_token).get("/api/v1/auth/me").body["data"]["username"] == "user123"

    def test_logout_revokes_at_once(self, v1: Api, user: User) -> None:
        tokens = login(v1).body["data"]
        client = Api(tokens["token"])
        answer = client.post("/api/v1/auth/logout")
        check_envelope(answer, 200, "登出成功")
        check_envelope(client.get("/api/v1/auth/me"), 401)
        check_envelope(Api(tokens["refreshToken"]).post("/api/v1/auth/refresh"), 401)

    def test_me(self, v1: Api, user: User) -> None:
        tokens = login(v1).body["data"]
        answer = Api(tokens["token"]).get("/api/v1/auth/me")
        check_envelope(answer, 200, "success")
        assert answer.body["data"] == tokens["user"]
        check_envelope(v1.get("/api/v1/auth/me"), 401)


class TestLimits:
    def test_ten_sign_ins_a_minute_and_an_address(self, v1: Api, user: User) -> None:
        answers = [login(v1, "wrong-password") for _ in range(11)]
        assert [answer.status for answer in answers] == [401] * 10 + [429]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == [str(left) for left in range(9, -1, -1)] + ["0"]
        assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"10"}
        refused = answers[-1]
        check_envelope(refused, 429)
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert int(refused.headers["X-RateLimit-Reset"]) <= 60

    def test_off_means_off(self, v1: Api, user: User, settings: Any) -> None:
        settings.RATE_LIMITS = False
        assert {login(v1, "wrong-password").status for _ in range(15)} == {401}


class TestCatchAll:
    @pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing", "/api/v1/auth", "/api/v1/auth/login/", "/api/v1/auth/../x"])
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
    def test_unknown_path_is_404_in_the_union(self, v1: Api, path: str, method: str) -> None:
        check_envelope(v1.request(method, path), 404)

    def test_broken_json_on_an_unknown_path_is_400(self, v1: Api) -> None:
        check_envelope(v1.request("POST", "/api/v1/nothing", raw=b"{"), 400)

    @pytest.mark.parametrize(
        ("path", "allowed"), [("register", "POST"), ("login", "POST"), ("refresh", "POST"), ("logout", "POST"), ("me", "GET")]
    )
    def test_wrong_method_is_405_with_allow(self, v1: Api, path: str, allowed: str) -> None:
        answer = v1.request("DELETE", f"/api/v1/auth/{path}")
        check_envelope(answer, 405)
        assert answer.headers["Allow"] == allowed

    def test_unforeseen_exception_is_500_in_the_union(self, v1: Api, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(**_: Any) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr("accounts.api.shared.auth.password_sign_in", broken)
        answer = login(v1)
        check_envelope(answer, 500)
        assert "secret detail" not in str(answer.body)
