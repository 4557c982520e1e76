"""Orders in the console: read-only but for actions, which call the services and ask for a reason."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel import clock
from config.kernel.errors import DomainError
from payments.admin.readonly import ReadOnly
from payments.admin.reason import ReasonForm, logged, reason_of
from payments.models import Dispute, Notice, Order, Refund
from payments.services.expiry import order_ask, order_cancel


class NoticeInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """What the gateway told us about this order, and what became of it."""

    model = Notice
    extra = 0
    fields = ("received_at", "source", "kind", "external_id", "fate", "reason", "deliveries")
    readonly_fields = fields
    ordering = ("id",)
    show_change_link = True


class RefundInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """What of its money went back, or is on its way."""

    model = Refund
    extra = 0
    fields = ("created_at", "origin", "status", "amount_cents", "paid_credits", "bonus_credits", "user_reason", "reason", "failure")
    readonly_fields = fields
    ordering = ("id",)
    show_change_link = True


class DisputeInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """Charge-backs of it."""

    model = Dispute
    extra = 0
    fields = ("opened_at", "external_id", "status", "amount_cents", "reason", "evidence_due_at", "closed_at")
    readonly_fields = fields
    ordering = ("id",)
    show_change_link = True


@admin.register(Order)
class OrderAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Orders of everybody; nothing is edited here."""

    list_display = (
        "uuid",
        "number",
        "user",
        "title",
        "amount",
        "credits",
        "channel",
        "method",
        "is_sandbox",
        "status",
        "created_at",
        "paid_at",
    )
    list_filter = ("status", "channel", "kind", "contract", "is_sandbox")
    list_select_related: ClassVar[tuple[str, ...]] = ("user",)
    search_fields = ("=uuid", "=external_id", "=charge_id", "=user__username")
    ordering = ("-id",)
    show_full_result_count = False
    exclude = ("input_hash", "pay_params")
    inlines = (NoticeInline, RefundInline, DisputeInline)
    action_form = ReasonForm
    actions = ("ask", "cancel", "refund")

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, order: Order) -> str:
        """The money with its currency."""
        return f"{order.amount_cents / 100:,.2f} {order.currency}"

    @admin.action(description=gettext_lazy("Ask the gateway, and settle what was paid"), permissions=["act"])
    def ask(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Each order is looked up at its gateway."""
        for order in queryset:
            self._done(request, order, "ask")

    @admin.action(description=gettext_lazy("Cancel (a reason is needed)"), permissions=["act"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Each pending order is closed at its gateway and cancelled."""
        if not reason_of(request):
            self.message_user(request, _("Say why: the reason is kept with the order."), messages.ERROR)
            return
        for order in queryset:
            self._done(request, order, "cancel")

    @admin.action(description=gettext_lazy("Refund (opens the form)"))
    def refund(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        """The form of one order's refund, which asks for its own permission."""
        order = queryset.first()
        return HttpResponseRedirect(reverse("admin:payments_refund_order", args=[order.pk])) if order else None

    def _done(self, request: HttpRequest, order: Order, action: str) -> None:
        """One action on one order, told to the operator and kept in the console's log."""
        reason = reason_of(request)
        try:
            at = clock.now()
            state = order_cancel(order=order, reason=reason, at=at) if action == "cancel" else order_ask(order=order, at=at)
        except DomainError as error:
            self.message_user(request, f"{order.uuid}: {_(error.message)}", messages.ERROR)
            return
        logged(request, order, f"{action} → {state}: {reason}")
        self.message_user(request, f"{order.uuid}: {state}")
