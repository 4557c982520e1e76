"""Stored files: to be looked at."""

from __future__ import annotations

from django.contrib import admin

from generation.admin.readonly import LookOnly, ModelAdmin
from generation.models import Asset


@admin.register(Asset)
class AssetAdmin(LookOnly, ModelAdmin):
    """One file a row; no link, because the files are their owners'."""

    list_display = ("uuid", "user", "source", "kind", "size_bytes", "is_public", "created_at")
    list_filter = ("source", "kind", "is_public")
    list_select_related = ("user",)
    search_fields = ("=uuid", "=user__username")
    exclude = ("sha256",)
    ordering = ("-id",)
    show_full_result_count = False
