"""POST /api/auth/{google/login, sms/send, sms/login, test/login, refresh, logout} (000 §1, 001 §1)."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.api.video import serializers as shapes
from accounts.models import Session
from accounts.selectors.user import demo_user
from accounts.services.outside import google_sign_in
from accounts.services.session import Tokens, session_open, session_refresh_body, session_revoke
from accounts.services.sign_in import SignIn, sign_in_existing
from accounts.services.sms import sms_send, sms_sign_in
from accounts.web.client import client_address, user_agent
from config.contracts.video.schema import answers
from config.contracts.video.views import VideoView
from config.kernel import limits

DAY_S = 86_400
REFRESH_LIFE_S = 30 * DAY_S
SIGN_INS_A_MINUTE = 120


class SignInView(VideoView):
    """What the sign-ins share: nobody is asked who they are, and a session of form `body` is opened."""

    caller = "none"
    access_life_s = 7 * DAY_S

    def admitted(self) -> str | None:
        """The client's address, within the limit of sign-ins. Raises TooManyRequests."""
        address = client_address(cast(HttpRequest, self.request))
        limits.take("video-sign-in", address or "", SIGN_INS_A_MINUTE, 60)
        return address

    def opened(self, found: SignIn, address: str | None) -> Response:
        """The answer to a sign-in: the tokens of a new session, and whether it took a deletion back."""
        tokens = session_open(
            user=found.user,
            form=Session.Form.BODY,
            access_life_s=self.access_life_s,
            refresh_life_s=REFRESH_LIFE_S,
            address=address,
            user_agent=user_agent(cast(HttpRequest, self.request)),
        )
        body = rendered(tokens)
        return Response({**body, "account_restored": True} if found.is_restored else body)


def rendered(tokens: Tokens) -> dict[str, Any]:
    """The tokens in the contract's words."""
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "bearer",
        "expires_in": tokens.expires_in,
    }


class GoogleLoginView(SignInView):
    @extend_schema(operation_id="google_login", request=shapes.GoogleLogin, responses=answers(shapes.TokensOut, 401, 403))
    def post(self, request: HttpRequest) -> Response:
        """Sign in, or register, with Google's authorisation code."""
        address = self.admitted()
        data = self.validated(shapes.GoogleLogin)
        found = google_sign_in(code=data["code"], redirect_uri=data.get("redirect_uri"), code_verifier=data.get("code_verifier") or "")
        return self.opened(found, address)


class SmsSendView(SignInView):
    @extend_schema(operation_id="sms_send", request=shapes.SmsSend, responses=answers(shapes.SentOut))
    def post(self, request: HttpRequest) -> Response:
        """Send a six-digit code to a phone."""
        phone: str = self.validated(shapes.SmsSend)["phone_number"]
        sent = sms_send(phone=phone, address=client_address(request))
        return Response(
            {
                "message": "Verification code sent successfully",
                "phone_number": phone,
                "expires_in": sent.expires_in,
                "remaining_requests": sent.remaining_requests,
            }
        )


class SmsLoginView(SignInView):
    access_life_s = DAY_S

    @extend_schema(operation_id="sms_login", request=shapes.SmsLogin, responses=answers(shapes.TokensOut, 401, 403))
    def post(self, request: HttpRequest) -> Response:
        """Sign in, or register, with the code of a text message."""
        address = self.admitted()
        data = self.validated(shapes.SmsLogin)
        found = sms_sign_in(phone=data["phone_number"], code=data["code"], username=data.get("username"))
        return self.opened(found, address)


class TestLoginView(SignInView):
    @extend_schema(operation_id="test_login", request=shapes.TestLogin, responses=answers(shapes.TokensOut, 403, 404))
    def post(self, request: HttpRequest) -> Response:
        """Sign in as a user of the demo data; demo mode only."""
        address = self.admitted()
        user = demo_user(self.validated(shapes.TestLogin).get("username"))
        return self.opened(sign_in_existing(user=user), address)


class RefreshView(SignInView):
    @extend_schema(operation_id="refresh", request=shapes.Refresh, responses=answers(shapes.TokensOut, 401, 403))
    def post(self, request: HttpRequest) -> Response:
        """New tokens for a refresh token, which is spent by it."""
        self.admitted()
        return Response(rendered(session_refresh_body(self.validated(shapes.Refresh)["refresh_token"])))


class LogoutView(VideoView):
    caller = "user"
    scope = "session"

    @extend_schema(operation_id="logout", request=None, responses=answers(shapes.MessageOut, 401, 403, validated=False))
    def post(self, request: HttpRequest) -> Response:
        """The session of the token is revoked at once."""
        if self.principal.session_id is not None:
            session_revoke(user_id=self.principal.user_id, session_id=self.principal.session_id)
        return Response({"message": "Successfully logged out"})
