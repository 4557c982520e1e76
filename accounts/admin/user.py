"""Users, with what they did; bans go through the service."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.readonly import ReadOnlyInline
from accounts.models import ApiKey, Identity, Session, User
from accounts.services.session import session_revoke_all
from accounts.services.user import user_ban
from config.kernel.errors import DomainError


class IdentityInline(ReadOnlyInline):
    model = Identity
    fields = ("kind", "subject", "verified_at")


class ApiKeyInline(ReadOnlyInline):
    model = ApiKey
    fields = ("name", "prefix", "is_application", "scopes", "created_at", "last_used_at", "revoked_at")


class SessionInline(ReadOnlyInline):
    model = Session
    fields = ("form", "opened_at", "last_used_at", "expires_at", "revoked_at", "revoked_reason", "address")


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    list_display = ("id", "username", "nickname", "is_staff", "is_demo", "banned_at", "deletion_requested_at", "erased_at", "created_at")
    list_filter = ("is_staff", "is_demo", "region")
    search_fields = ("username", "uuid__exact", "identities__subject")
    search_help_text = _("Name, public id, proven phone or e-mail")
    show_full_result_count = False
    ordering = ("-id",)
    fields = (
        ("username", "nickname"),
        ("uuid", "region", "language"),
        ("email", "phone"),
        ("avatar_url", "bio"),
        ("is_staff", "is_superuser", "is_active", "is_demo"),
        ("groups", "user_permissions"),
        ("banned_at", "deletion_requested_at", "erased_at"),
        ("created_at", "last_login_at"),
    )
    readonly_fields = ("uuid", "is_demo", "is_active", "banned_at", "deletion_requested_at", "erased_at", "created_at", "last_login_at")
    filter_horizontal = ("groups", "user_permissions")
    inlines = (IdentityInline, ApiKeyInline, SessionInline)
    actions = ("ban", "unban", "sign_out_everywhere")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Ban"))
    def ban(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._ban(request, users, banned=True)

    @admin.action(description=_("Take the ban back"))
    def unban(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self._ban(request, users, banned=False)

    def _ban(self, request: HttpRequest, users: QuerySet[User], *, banned: bool) -> None:
        try:
            for user in users.filter(erased_at__isnull=True):
                user_ban(user_id=user.pk, banned=banned, by=request.user.pk)
        except DomainError as error:
            self.message_user(request, gettext(error.message), messages.ERROR)
            return
        self.message_user(request, _("Done."), messages.SUCCESS)

    @admin.action(description=_("Sign out everywhere"))
    def sign_out_everywhere(self, request: HttpRequest, users: QuerySet[User]) -> None:
        for user in users:
            session_revoke_all(user_id=user.pk, reason="operator")
            self.log_change(request, user, "signed out everywhere")
        self.message_user(request, _("Done."), messages.SUCCESS)
