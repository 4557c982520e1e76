"""The sandbox's own books in the console (demo mode). Its keys are nobody's to see."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html

from payments.admin.readonly import ReadOnly
from payments.models import SandboxPayment, SandboxRefund, SandboxTransfer


class SandboxRefundInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """The refunds of a payment, to be looked at."""

    model = SandboxRefund
    fields = readonly_fields = ("id", "amount_cents", "state", "created_at")
    extra = 0


@admin.register(SandboxPayment)
class SandboxPaymentAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: payers and their banks decide on the sandbox's page."""

    list_display = ("id", "channel", "method", "title", "amount_cents", "currency", "state", "dispute", "created_at", "page")
    list_filter = ("channel", "state", "dispute")
    ordering = ("-created_at",)
    inlines = (SandboxRefundInline,)

    @admin.display(description="page")
    def page(self, payment: SandboxPayment) -> str:
        """Where it is decided."""
        return format_html('<a href="/sandbox/pay/{}">open</a>', payment.pk)


@admin.register(SandboxTransfer)
class SandboxTransferAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Read-only: payees decide on the sandbox's page."""

    list_display = ("id", "channel", "account_shown", "amount_cents", "state", "created_at", "page")
    list_filter = ("channel", "state")
    ordering = ("-created_at",)

    @admin.display(description="page")
    def page(self, transfer: SandboxTransfer) -> str:
        """Where it is confirmed, refused or sent back."""
        return format_html('<a href="/sandbox/transfer/{}">open</a>', transfer.pk)
