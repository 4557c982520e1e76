"""/api/v1/auth/{register, login, refresh, logout, me} (002 §2, 003 "auth")."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from accounts.api.shared import serializers as shapes
from accounts.api.shared.membership import rendered
from accounts.models import Identity, Session, User
from accounts.selectors.invite import invite_code
from accounts.selectors.user import shown_contact, user_of
from accounts.services.password import password_register, password_sign_in
from accounts.services.session import session_open, session_refresh_header, session_revoke
from accounts.web.client import client_address, user_agent
from config.contracts.shared_v1.schema import answers
from config.contracts.shared_v1.views import SharedView, bearer_of
from config.kernel import clock
from credits.selectors.wallet import balance_of
from payments.selectors.subscription import membership_of, vip_level

ACCESS_LIFE_S = 86_400
REFRESH_LIFE_S = 7 * 86_400
SIGN_INS_A_MINUTE = 10
QUERIES_A_MINUTE = 100


def union_user(user: User) -> dict[str, Any]:
    """The user in both documents' words."""
    membership = membership_of(user.pk, clock.now())
    return {
        "id": user.pk,
        "username": user.username,
        "email": shown_contact(user, Identity.Kind.EMAIL),
        "credit_balance": balance_of(user.pk).available,
        **rendered(membership),
        "referral_code": invite_code(user.pk),
        "nickname": user.nickname or user.username,
        "avatar": user.avatar_url or None,
        "role": "ADMIN" if user.is_staff else "USER",
        "vipLevel": vip_level(membership),
    }


class RegisterView(SharedView):
    signed_in = False

    @extend_schema(summary="Sign up", request=shapes.Register, responses=answers("Registered", shapes.RegisterOut(), 400))
    def post(self, request: HttpRequest) -> HttpResponse:
        """A new user with a password and the sign-up gift; an unknown `referral_code` is ignored and said so."""
        self.limited("auth", client_address(request) or "", SIGN_INS_A_MINUTE, 60)
        data = self.validated(shapes.Register)
        user = password_register(username=data["username"], email=data["email"], password=data["password"])
        shown = union_user(user)
        answer = {name: shown[name] for name in ("id", "username", "email", "credit_balance", "is_member", "referral_code")}
        if data.get("referral_code"):
            answer["referral_accepted"] = False
        return self.success("注册成功", answer)


class LoginView(SharedView):
    signed_in = False

    @extend_schema(
        summary="Sign in with a password or its MD5", request=shapes.Login, responses=answers("SignedIn", shapes.LoginOut(), 400, 401, 403)
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """A session of form `header`: 24 h access, 7 days refresh; `otp` shows the second factor."""
        address = client_address(request)
        self.limited("auth", address or "", SIGN_INS_A_MINUTE, 60)
        data = self.validated(shapes.Login)
        found = password_sign_in(username=data["username"], password=data["password"], otp=data.get("otp"))
        tokens = session_open(
            user=found.user,
            form=Session.Form.HEADER,
            access_life_s=ACCESS_LIFE_S,
            refresh_life_s=REFRESH_LIFE_S,
            address=address,
            user_agent=user_agent(request),
            second_factor=found.second_factor,
        )
        answer = {
            "token": tokens.access_token,
            "refreshToken": tokens.refresh_token,
            "expiresIn": tokens.expires_in,
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "token_type": "bearer",
            "user": union_user(found.user),
        }
        return self.success("登录成功", {**answer, "account_restored": True} if found.is_restored else answer)


class RefreshView(SharedView):
    signed_in = False
    caller = "user"

    @extend_schema(
        summary="A new token for the refresh token", request=None, responses=answers("Refreshed", shapes.AccessOut(), 400, 401, 403)
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        """A new access token for the refresh token in the `Authorization` header, which stays."""
        self.limited("auth", client_address(request) or "", SIGN_INS_A_MINUTE, 60)
        tokens = session_refresh_header(bearer_of(request))
        answer = {
            "token": tokens.access_token,
            "expiresIn": tokens.expires_in,
            "access_token": tokens.access_token,
            "token_type": "bearer",
        }
        return self.success("Token刷新成功", answer)


class LogoutView(SharedView):
    scope = "session"

    @extend_schema(summary="Sign out", request=None, responses=answers("SignedOut", serializers.DictField(allow_null=True), 401, 403))
    def post(self, request: HttpRequest) -> HttpResponse:
        """The session of the token is revoked at once."""
        self.limited("auth-user", str(self.principal.user_id), SIGN_INS_A_MINUTE, 60)
        if self.principal.session_id is not None:
            session_revoke(user_id=self.principal.user_id, session_id=self.principal.session_id)
        return self.success("登出成功")


class MeView(SharedView):
    scope = "profile"

    @extend_schema(summary="Who the caller is", responses=answers("Me", shapes.UserOut(), 401, 403))
    def get(self, request: HttpRequest) -> HttpResponse:
        """Who the caller is."""
        self.limited("query", str(self.principal.user_id), QUERIES_A_MINUTE, 60)
        return self.success("success", union_user(user_of(self.principal.user_id)))
