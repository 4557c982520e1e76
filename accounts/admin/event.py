"""The event log and its outbox: read-only."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin.readonly import ReadOnly, ReadOnlyInline
from accounts.models import Event, EventHead, Installation, Outbox


class OutboxInline(ReadOnlyInline):
    model = Outbox
    fields = ("reaction", "tries", "next_try_at", "done_at", "failed_at", "error")


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ("id", "user", "number", "kind", "created_at")
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("user__username", "user__uuid__exact")
    ordering = ("-id",)
    inlines = (OutboxInline,)


@admin.register(EventHead)
class EventHeadAdmin(ReadOnly):
    list_display = ("user", "number")
    list_select_related = ("user",)


@admin.register(Outbox)
class OutboxAdmin(ReadOnly):
    list_display = ("id", "event", "reaction", "tries", "next_try_at", "done_at", "failed_at", "error")
    list_filter = ("reaction",)
    list_select_related = ("event",)
    ordering = ("-id",)


@admin.register(Installation)
class InstallationAdmin(ReadOnly):
    list_display = ("id", "is_demo", "clock_offset_s", "created_at")
