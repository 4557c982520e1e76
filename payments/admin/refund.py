"""Refunds in the console: the queue, decisions with reasons, and the form by which an operator refunds an order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from config.kernel import clock
from config.kernel.errors import DomainError
from config.kernel.ids import public_uuid
from payments.admin.readonly import ReadOnly
from payments.admin.reason import REASON_MOST, ReasonForm, logged, reason_of
from payments.models import Currency, Order, Refund
from payments.selectors.refund import UNDECIDED
from payments.services.refund import refund_approve, refund_create, refund_reject, refund_send
from payments.services.refund_terms import refundable_of, rest_cents, share_of
from payments.states import RefundState


class DecisionForm(ReasonForm):
    """Reason (of a rejection: what the buyer is told), and another amount where the first operator wants one."""

    amount = forms.CharField(max_length=20, required=False, label=gettext_lazy("Amount, if another"))


class RefundForm(forms.Form):
    """What an operator gives back of an order. The key makes a form that is sent twice one refund."""

    amount = forms.CharField(max_length=20, label=gettext_lazy("Amount"))
    reason = forms.CharField(max_length=REASON_MOST, label=gettext_lazy("Reason"))
    key = forms.CharField(max_length=64, widget=forms.HiddenInput)


def minor_of(text: str, currency: str) -> int | None:
    """Money as an operator writes it ("12.50"), in the currency's smallest unit; None if it is no such sum."""
    digits = Currency.objects.filter(code=currency).values_list("minor_digits", flat=True).first()
    try:
        cents = Decimal(text.strip()).scaleb(2 if digits is None else digits)
    except InvalidOperation:
        return None
    return int(cents) if cents.is_finite() and cents == cents.to_integral_value() and abs(cents) < 10**12 else None


def money_of(cents: int, currency: str) -> str:
    """The sum as people read it, with its currency."""
    digits = Currency.objects.filter(code=currency).values_list("minor_digits", flat=True).first()
    return f"{Decimal(cents).scaleb(-(2 if digits is None else digits)):,} {currency}"


@admin.register(Refund)
class RefundAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing is edited here: operators decide by actions; what waits for them comes first, the oldest on top."""

    list_display = ("uuid", "order", "amount", "origin", "status", "is_beyond_unspent", "user_reason", "first_operator", "created_at")
    list_filter = ("status", "origin", "is_beyond_unspent")
    list_select_related: ClassVar[tuple[str, ...]] = ("order", "first_operator")
    search_fields = ("=uuid", "=order__uuid", "=external_id", "=order__user__username")
    show_full_result_count = False
    exclude = ("idempotency_key",)
    action_form = DecisionForm
    actions = ("approve", "reject", "send")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        """Undecided ones first, oldest first; the others after them, newest first."""
        waits = Case(When(status__in=UNDECIDED, then=Value(0)), default=Value(1), output_field=IntegerField())
        since = Case(When(status__in=UNDECIDED, then=F("created_at")))
        return super().get_queryset(request).order_by(waits, since, "-pk")

    def get_urls(self) -> list[URLPattern]:
        """The form of an order's refund besides."""
        view = self.admin_site.admin_view(self.refund_order)
        return [path("order/<int:order_id>/", view, name="payments_refund_order"), *super().get_urls()]

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, refund: Refund) -> str:
        """The money with its currency."""
        return money_of(refund.amount_cents, refund.order.currency)

    @admin.action(description=gettext_lazy("Approve (first or second yes; a reason is needed)"), permissions=["act"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        """Each is approved by this operator and, if that is enough, sent to its gateway."""
        text = request.POST.get("amount", "").strip()

        def decide(refund: Refund, operator: User, reason: str) -> str:
            cents = minor_of(text, refund.order.currency) if text else None
            if text and cents is None:
                return _("This is no amount: %(text)s") % {"text": text}
            done = refund_approve(refund_id=refund.pk, operator=operator, reason=reason, amount_cents=cents, at=clock.now())
            return _told(refund_send(refund_id=done.pk, at=clock.now()))

        self._each(request, queryset, "approve", decide)

    @admin.action(description=gettext_lazy("Reject (the reason is told to the buyer)"), permissions=["act"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        """Each is rejected."""

        def decide(refund: Refund, operator: User, reason: str) -> str:
            return _told(refund_reject(refund_id=refund.pk, operator=operator, answer=reason, at=clock.now()))

        self._each(request, queryset, "reject", decide)

    @admin.action(description=gettext_lazy("Send to the gateway again, under the same number"), permissions=["act"])
    def send(self, request: HttpRequest, queryset: QuerySet[Refund]) -> None:
        """Each that is being sent is sent now."""

        def decide(refund: Refund, operator: User, reason: str) -> str:
            return _told(refund_send(refund_id=refund.pk, at=clock.now()))

        self._each(request, queryset, "send", decide)

    def refund_order(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """The form: what may go back with one operator, what was taken, what would be owed."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        order = Order.objects.select_related("user").filter(pk=order_id).first()
        if order is None:
            raise Http404
        form = RefundForm(request.POST or None, initial={"key": str(public_uuid())})
        if request.method == "POST" and form.is_valid():
            refund = self._refunded(request, order, form)
            if refund is not None:
                return HttpResponseRedirect(reverse("admin:payments_refund_change", args=[refund.pk]))
        return TemplateResponse(request, "admin/payments/refund_order.html", self._context(request, order, form))

    def _refunded(self, request: HttpRequest, order: Order, form: RefundForm) -> Refund | None:
        """The refund that the form asks for, sent if one operator is enough; None with the reason in the form."""
        data = form.cleaned_data
        cents = minor_of(data["amount"], order.currency)
        if cents is None:
            form.add_error("amount", _("Give an amount such as 12.50."))
            return None
        operator, key = cast("User", request.user), f"console:{data['key']}"
        facts = {"operator": operator, "amount_cents": cents, "reason": data["reason"], "idempotency_key": key}
        try:
            refund = refund_create(order_id=order.pk, at=clock.now(), **facts)
        except DomainError as error:
            form.add_error(None, _(str(error)))
            return None
        refund = refund_send(refund_id=refund.pk, at=clock.now())
        logged(request, refund, f"create → {refund.status}: {data['reason']}")
        self.message_user(request, _told(refund))
        return refund

    def _context(self, request: HttpRequest, order: Order, form: RefundForm) -> dict[str, Any]:
        """What the page shows beside the form."""
        found, rest = refundable_of(order, clock.now()), rest_cents(order)
        paid, bonus = share_of(order, rest)
        return {
            **self.admin_site.each_context(request),
            "title": _("Refund an order"),
            "opts": self.model._meta,
            "order": order,
            "form": form,
            "paid_money": money_of(order.amount_cents, order.currency),
            "refunded_money": money_of(order.refunded_cents, order.currency),
            "refundable_money": money_of(found.amount_cents, order.currency),
            "rest_money": money_of(rest, order.currency),
            "found": found,
            "rest_paid": paid,
            "rest_bonus": bonus,
            "rest_owed": max(0, paid - found.paid_credits),
        }

    def _each(self, request: HttpRequest, queryset: QuerySet[Refund], action: str, decide: Callable[[Refund, User, str], str]) -> None:
        """One decision on each, told to the operator and kept in the console's log."""
        reason = reason_of(request)
        for refund in queryset.select_related("order"):
            try:
                told = decide(refund, cast("User", request.user), reason)
            except DomainError as error:
                self.message_user(request, f"{refund.uuid}: {_(str(error))}", messages.ERROR)
                continue
            logged(request, refund, f"{action} → {told}: {reason}")
            self.message_user(request, f"{refund.uuid}: {told}")


def _told(refund: Refund) -> str:
    """What became of it, for the operator."""
    if refund.status == RefundState.WAITING:
        return _("it is more than is unspent: another operator must approve it too")
    return f"{refund.status} {refund.failure}".strip()
