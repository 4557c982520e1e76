"""Memberships and monthly cards in the console: read-only, they follow their orders."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from payments.admin.readonly import ReadOnly
from payments.models import CardClaim, MembershipPeriod, MonthlyCard


class ClaimInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """The days that were claimed."""

    model = CardClaim
    extra = 0
    fields = ("day", "amount_credits", "transaction_id", "created_at")
    readonly_fields = fields
    ordering = ("-day",)


@admin.register(MembershipPeriod)
class MembershipPeriodAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Every bought period."""

    list_display = ("user", "type", "starts_at", "ends_at", "daily_units", "cancelled_at", "ended_at", "order")
    list_filter = ("type",)
    list_select_related: ClassVar[tuple[str, ...]] = ("user", "order")
    search_fields = ("=user__username", "=order__uuid")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(MonthlyCard)
class MonthlyCardAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Every card with its claims."""

    list_display = ("id", "user", "state", "first_day", "last_day", "claims", "days", "order")
    list_filter = ("state",)
    list_select_related: ClassVar[tuple[str, ...]] = ("user", "order")
    search_fields = ("=user__username", "=order__uuid")
    ordering = ("-id",)
    show_full_result_count = False
    inlines = (ClaimInline,)
