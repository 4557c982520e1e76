"""GET and PUT users/profile (002 §4.1, §4.2)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from accounts.api.avatars import AVATAR_LIMIT_BYTES, avatar_at
from accounts.api.stargraph.serializers import ProfileInput, ProfileOutput
from accounts.models import Identity, User
from accounts.selectors.user import shown_contact, user_of
from accounts.services.phone import phone_parse
from accounts.services.user import user_update_profile
from config.contracts.shared_v1.times import local
from config.contracts.stargraph.schema import answers
from config.contracts.stargraph.views import StargraphView
from config.kernel import clock
from config.kernel.errors import InvalidInput, RequestTooLarge
from credits.selectors.wallet import balance_of
from generation.api.stargraph.images import image_file
from generation.exceptions_media import FileTooLarge
from generation.services.avatar import avatar_create
from generation.services.link import public_link_of
from payments.selectors.subscription import membership_of, vip_level

ADDRESS_MAX = 500
CHINA = "+86"


class ProfileView(StargraphView):
    """`GET` and `PUT users/profile`."""

    scope = "profile"

    @extend_schema(summary="The caller's profile", responses=answers("Profile", ProfileOutput(), 401, 403))
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.success("success", profile(user_of(self.principal.user_id)))

    @extend_schema(
        summary="Change the profile", request=ProfileInput, responses=answers("ProfileChanged", ProfileOutput(), 400, 401, 403, 404)
    )
    def put(self, request: HttpRequest) -> HttpResponse:
        data = self._asked()
        changes: dict[str, str] = {name: data[name] for name in ("nickname", "email") if name in data}
        if "phone" in data:
            changes["phone"] = _phone(data["phone"]) if data["phone"] else ""
        if "avatar" in data:
            changes["avatar_url"] = self._avatar(data["avatar"])
        return self.success("更新成功", profile(user_update_profile(user_id=self.principal.user_id, **changes)))

    def _asked(self) -> dict[str, Any]:
        """The body. Raises InvalidInput, FileTooLarge: only an image makes it too large."""
        try:
            return self.validated(ProfileInput)
        except RequestTooLarge as error:
            raise FileTooLarge(limit_mb=AVATAR_LIMIT_BYTES // 1024**2) from error

    def _avatar(self, text: str) -> str:
        """The address of the avatar: as it was given, or of the image that was. Raises MediaInvalid, FileTooLarge, NotFound."""
        if not text:
            return ""
        if text.lower().startswith(("http://", "https://")):
            if len(text) > ADDRESS_MAX:
                raise InvalidInput.field("avatar", f"地址不能超过 {ADDRESS_MAX} 个字符")
            return avatar_at(user_id=self.principal.user_id, address=text)
        with image_file(text, AVATAR_LIMIT_BYTES) as path:
            return public_link_of(avatar_create(user_id=self.principal.user_id, path=path))


def _phone(text: str) -> str:
    try:
        return phone_parse(text)
    except InvalidInput as error:
        raise InvalidInput.field("phone", "不是有效的手机号码") from error


def profile(user: User) -> dict[str, Any]:
    """The user in the document's words."""
    balance, membership = balance_of(user.pk), membership_of(user.pk, clock.now())
    return {
        "id": user.pk,
        "username": user.username,
        "nickname": user.nickname or user.username,
        "email": shown_contact(user, Identity.Kind.EMAIL),
        "phone": shown_contact(user, Identity.Kind.PHONE).removeprefix(CHINA),
        "avatar": user.avatar_url or None,
        "balance": balance.available + balance.held,
        "vipLevel": vip_level(membership),
        "vipExpireTime": local(membership.ends_at) if membership else None,
        "createTime": local(user.created_at),
        "updateTime": local(user.profile_changed_at or user.created_at),
    }
