"""Operators choose what is on show."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from config.kernel import clock
from operations.models import ShowcaseVideo
from operations.services.showcase import showcase_publish


@admin.register(ShowcaseVideo)
class ShowcaseVideoAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Videos on show; what is saved here becomes public."""

    list_display = ("title", "title_en", "is_active", "display_order", "view_count", "created_at")
    list_editable = ("is_active", "display_order")
    list_filter = ("is_active",)
    list_select_related: ClassVar[tuple[str, ...]] = ("video",)
    search_fields = ("title", "title_en")
    raw_id_fields = ("video",)
    readonly_fields = ("view_count", "created_at")

    def save_model(self, request: HttpRequest, obj: ShowcaseVideo, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = clock.now()
        super().save_model(request, obj, form, change)
        if obj.is_active:
            showcase_publish(obj)
