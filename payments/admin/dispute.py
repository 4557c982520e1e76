"""Disputes in the console: what banks took back, what it did to credits and coins, and every notice about it. Read-only."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import Sum
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy

from credits.models import Clawback
from payments.admin.readonly import ReadOnly
from payments.models import Dispute, Notice
from payments.services.dispute_books import reference_of


@admin.register(Dispute)
class DisputeAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Operators answer disputes at the gateway; here they see what each has done."""

    list_display = ("external_id", "order", "amount", "status", "reason", "evidence_due_at", "is_frozen", "opened_at", "closed_at")
    list_filter = ("status", "is_frozen")
    list_select_related: ClassVar[tuple[str, ...]] = ("order",)
    search_fields = ("=external_id", "=order__uuid", "=order__user__username")
    ordering = ("-id",)
    show_full_result_count = False
    readonly_fields = ("recipients", "history")

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, dispute: Dispute) -> str:
        """The money with its currency."""
        return f"{dispute.amount_cents / 100:,.2f} {dispute.order.currency}"

    @admin.display(description=gettext_lazy("taken from others"))
    def recipients(self, dispute: Dispute) -> str:
        """Whom the disputed credits had been sent to, and where their coins are now."""
        rows = Clawback.objects.filter(reference=reference_of(dispute)).values_list("recipient__user__username").order_by("recipient_id")
        sums = rows.annotate(Sum("pending"), Sum("coins"), Sum("blocked"), Sum("lost"))
        lines = [(username, *(hundredths / 100 for hundredths in found)) for username, *found in sums]
        return format_html_join("", "<div>{}: {} pending, {} available, {} blocked, {} lost</div>", lines) or "–"

    @admin.display(description=gettext_lazy("history"))
    def history(self, dispute: Dispute) -> str:
        """The notices about disputes of this order, as they came."""
        notices = Notice.objects.filter(order=dispute.order, kind__contains="dispute").order_by("id")
        lines = [(f"{row.received_at:%Y-%m-%d %H:%M:%S}", row.kind, row.fate, row.reason) for row in notices]
        return format_html_join("", "<div>{} {} {} {}</div>", lines) or "–"
