"""GET /api/auth/me, GET and PUT /api/users/profile, GET /api/users/credits, DELETE /api/users/account (000 §1.3, §2; 001 §1.6, §4)."""

from __future__ import annotations

from typing import Any

import phonenumbers
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from accounts.api.avatars import avatar_at
from accounts.api.video import serializers as shapes
from accounts.models import Identity, User
from accounts.selectors.user import shown_contact, user_of
from accounts.services.user import user_delete_request, user_update_profile
from config.contracts.video.schema import answers
from config.contracts.video.views import VideoView
from config.kernel.clock import iso_z
from credits.selectors.wallet import balance_of


class MeView(VideoView):
    caller = "user"
    scope = "profile"

    @extend_schema(operation_id="me", responses=answers(shapes.MeOut, 401, 403, validated=False))
    def get(self, request: HttpRequest) -> Response:
        """Who the caller is."""
        user = user_of(self.principal.user_id)
        return Response(
            {
                "id": str(user.uuid),
                "email": shown_contact(user, Identity.Kind.EMAIL) or None,
                "phone_number": phone_in_words(shown_contact(user, Identity.Kind.PHONE)),
                "username": user.username,
                "credits": balance_of(user.pk).available,
                "avatar_url": user.avatar_url or None,
                "region": user.region,
            }
        )


def phone_in_words(phone: str) -> str | None:
    """An E.164 number in the contract's form, `86-13800138000`; None for none."""
    if not phone:
        return None
    number = phonenumbers.parse(phone)
    return f"{number.country_code}-{phonenumbers.national_significant_number(number)}"


class ProfileView(VideoView):
    caller = "user"
    scope = "profile"

    @extend_schema(operation_id="profile", responses=answers(shapes.ProfileOut, 401, 403, validated=False))
    def get(self, request: HttpRequest) -> Response:
        """The caller's profile."""
        return Response(_profile(user_of(self.principal.user_id)))

    @extend_schema(operation_id="profile_update", request=shapes.ProfileChange, responses=answers(shapes.ProfileOut, 400, 401, 403, 404))
    def put(self, request: HttpRequest) -> Response:
        """Change what is given; what is left out stays."""
        changes = self.validated(shapes.ProfileChange)
        if "avatar_url" in changes:
            changes["avatar_url"] = avatar_at(user_id=self.principal.user_id, address=changes["avatar_url"] or "")
        return Response(_profile(user_update_profile(user_id=self.principal.user_id, **changes)))


def _profile(user: User) -> dict[str, Any]:
    return {
        "id": str(user.uuid),
        "email": shown_contact(user, Identity.Kind.EMAIL),
        "username": user.username,
        "avatar_url": user.avatar_url or None,
        "region": user.region,
        "language": user.language,
        "credits": balance_of(user.pk).available,
        "created_at": iso_z(user.created_at),
        "last_login_at": iso_z(user.last_login_at),
    }


class CreditsView(VideoView):
    caller = "user"
    scope = "profile"

    @extend_schema(operation_id="credits", responses=answers(shapes.CreditsOut, 401, 403, validated=False))
    def get(self, request: HttpRequest) -> Response:
        """The caller's credits; what is held counts as spent until it is given back."""
        balance = balance_of(self.principal.user_id)
        return Response(
            {
                "user_id": str(self.principal.user_uuid),
                "credits": balance.available,
                "total_earned": balance.earned,
                "total_spent": balance.spent,
            }
        )


class AccountView(VideoView):
    caller = "user"
    scope = "session"

    @extend_schema(operation_id="account_delete", request=None, responses=answers(shapes.MessageOut, 400, 401, 403, validated=False))
    def delete(self, request: HttpRequest) -> Response:
        """Delete the account in 30 days; signing in before takes it back."""
        user_delete_request(user_id=self.principal.user_id)
        return Response({"message": "Account deletion requested. Your account will be deleted within 30 days."})
