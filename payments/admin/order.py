"""Orders in the console: read-only but for actions, which call the services and ask for a reason."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel import clock
from config.kernel.errors import DomainError
from payments.admin.readonly import ReadOnly
from payments.models import Notice, Order
from payments.services.expiry import order_ask, order_cancel


class ReasonForm(ActionForm):
    """The reason that an operator gives with an action."""

    reason = forms.CharField(max_length=180, required=False, label=gettext_lazy("Reason"))


class NoticeInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """What the gateway told us about this order, and what became of it."""

    model = Notice
    extra = 0
    fields = ("received_at", "source", "kind", "external_id", "fate", "reason", "deliveries")
    readonly_fields = fields
    ordering = ("id",)
    show_change_link = True


@admin.register(Order)
class OrderAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Orders of everybody; nothing is edited here."""

    list_display = ("uuid", "user", "title", "amount", "credits", "channel", "is_sandbox", "status", "created_at", "paid_at")
    list_filter = ("status", "channel", "contract", "is_sandbox")
    list_select_related: ClassVar[tuple[str, ...]] = ("user",)
    search_fields = ("=uuid", "=external_id", "=charge_id", "=user__username")
    ordering = ("-id",)
    show_full_result_count = False
    exclude = ("input_hash",)
    inlines = (NoticeInline,)
    action_form = ReasonForm
    actions = ("ask", "cancel")

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, order: Order) -> str:
        """The money with its currency."""
        return f"{order.amount_cents / 100:,.2f} {order.currency}"

    @admin.action(description=gettext_lazy("Ask the gateway, and settle what was paid"))
    def ask(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Each order is looked up at its gateway."""
        for order in queryset:
            self._done(request, order, "ask")

    @admin.action(description=gettext_lazy("Cancel (a reason is needed)"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """Each pending order is closed at its gateway and cancelled."""
        if not request.POST.get("reason", "").strip():
            self.message_user(request, _("Say why: the reason is kept with the order."), messages.ERROR)
            return
        for order in queryset:
            self._done(request, order, "cancel")

    def _done(self, request: HttpRequest, order: Order, action: str) -> None:
        """One action on one order, told to the operator and kept in the console's log."""
        reason = request.POST.get("reason", "").strip()[:180]
        try:
            at = clock.now()
            state = order_cancel(order=order, reason=reason, at=at) if action == "cancel" else order_ask(order=order, at=at)
        except DomainError as error:
            self.message_user(request, f"{order.uuid}: {_(error.message)}", messages.ERROR)
            return
        LogEntry.objects.log_actions(request.user.pk or 0, [order], CHANGE, f"{action} → {state}: {reason}", single_object=True)
        self.message_user(request, f"{order.uuid}: {state}")
