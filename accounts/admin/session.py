"""Sessions, keys and kept answers; digests and secrets are never shown."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin.readonly import ReadOnly
from accounts.models import ApiKey, Idempotency, Session
from accounts.services.api_key import api_key_revoke
from accounts.services.session import session_revoke


@admin.register(Session)
class SessionAdmin(ReadOnly):
    list_display = ("id", "user", "form", "opened_at", "last_used_at", "expires_at", "revoked_at", "revoked_reason", "address")
    list_filter = ("form", "revoked_reason")
    list_select_related = ("user",)
    search_fields = ("user__username", "id__exact")
    exclude = ("refresh_digest",)
    actions = ("revoke",)

    @admin.action(description=_("Revoke"), permissions=["view"])
    def revoke(self, request: HttpRequest, sessions: QuerySet[Session]) -> None:
        for session in sessions:
            session_revoke(user_id=session.user_id, session_id=session.pk, reason="operator")
        self.message_user(request, _("Done."), messages.SUCCESS)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    list_display = ("id", "user", "name", "prefix", "is_application", "scopes", "created_at", "last_used_at", "revoked_at")
    list_filter = ("is_application",)
    list_select_related = ("user",)
    search_fields = ("user__username", "prefix", "name")
    exclude = ("digest", "webhook_secret")
    actions = ("revoke",)

    @admin.action(description=_("Revoke"), permissions=["view"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        for key in keys:
            api_key_revoke(user_id=key.user_id, api_key_id=key.pk)
        self.message_user(request, _("Done."), messages.SUCCESS)


@admin.register(Idempotency)
class IdempotencyAdmin(ReadOnly):
    list_display = ("id", "user", "key", "status", "created_at", "locked_until")
    list_select_related = ("user",)
    search_fields = ("user__username", "key")
    exclude = ("input_hash", "body")
