"""The sandbox's own books in the console (demo mode)."""

from __future__ import annotations

from django.contrib import admin

from payments.admin.readonly import ReadOnly
from payments.models import SandboxPayment


@admin.register(SandboxPayment)
class SandboxPaymentAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: payers decide on the sandbox's page."""

    list_display = ("id", "channel", "title", "amount_cents", "currency", "state", "created_at", "decided_at")
    list_filter = ("channel", "state")
    ordering = ("-created_at",)
