"""Users' webhooks: addresses, deliveries and every try; a replay goes through the service."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.admin.readonly import ReadOnly, ReadOnlyInline
from accounts.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.services.webhook import delivery_replay
from config.kernel.errors import DomainError


class AttemptInline(ReadOnlyInline):
    model = WebhookAttempt
    fields = ("at", "status_code", "error", "duration_ms", "is_replay")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnly):
    list_display = ("id", "user", "url", "failing_since", "disabled_at", "disabled_reason")
    list_select_related = ("user",)
    search_fields = ("user__username", "url")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly):
    list_display = ("id", "endpoint", "event_kind", "reference", "state", "tries", "created_at", "next_try_at")
    list_filter = ("state", "event_kind")
    list_select_related = ("endpoint",)
    search_fields = ("reference__exact", "endpoint__user__username")
    exclude = ("body",)
    ordering = ("-created_at",)
    inlines = (AttemptInline,)
    actions = ("replay",)

    @admin.action(description=_("Send again now"), permissions=["view"])
    def replay(self, request: HttpRequest, deliveries: QuerySet[WebhookDelivery]) -> None:
        for delivery in deliveries.select_related("endpoint")[:20]:
            try:
                attempt = delivery_replay(user_id=delivery.endpoint.user_id, delivery_id=delivery.pk)
            except DomainError as error:
                self.message_user(request, f"{delivery.pk}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{delivery.pk}: {attempt.status_code or attempt.error}", messages.INFO)


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(ReadOnly):
    list_display = ("id", "delivery", "at", "status_code", "error", "duration_ms", "is_replay")
    list_select_related = ("delivery",)
    ordering = ("-id",)
