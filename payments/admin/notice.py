"""The inbox in the console: every notice, as it came, and its fate."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from payments.admin.readonly import ReadOnly
from payments.models import Notice


def body_text(notice: Notice) -> str:
    """The raw body as text; bytes that are none are shown escaped."""
    return bytes(notice.body).decode("utf-8", "backslashreplace")


@admin.register(Notice)
class NoticeAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: what gateways told us is evidence."""

    list_display = ("received_at", "source", "kind", "external_id", "fate", "reason", "deliveries", "order")
    list_filter = ("source", "fate")
    list_select_related: ClassVar[tuple[str, ...]] = ("order",)
    search_fields = ("=external_id", "=order__uuid")
    ordering = ("-id",)
    show_full_result_count = False
    fields = ("source", "external_id", "kind", "received_at", "deliveries", "fate", "reason", "decided_at", "order", "headers", "raw_body")
    readonly_fields = ("raw_body",)

    @admin.display(description="body")
    def raw_body(self, notice: Notice) -> str:
        """The body as it came."""
        return body_text(notice)
