"""Withdrawals in the console: the queue, who decided what, and what became of each payout. Accounts are shown masked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from config.kernel import clock
from config.kernel.errors import DomainError
from payments.admin.readonly import ReadOnly
from payments.admin.reason import ReasonForm, logged, reason_of
from payments.models import Payout, Withdrawal, WithdrawalDecision
from payments.services.payout import payout_look_up, payout_of_withdrawal, withdrawal_pay
from payments.services.withdrawal import withdrawal_approve, withdrawal_paid_by_hand, withdrawal_reject


class DecisionInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """Who decided what, when and why."""

    model = WithdrawalDecision
    extra = 0
    fields = ("created_at", "operator", "verdict", "reason")
    readonly_fields = fields
    ordering = ("id",)


class PayoutInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """Every sending of its money, with the number under which its gateway knows it."""

    model = Payout
    extra = 0
    fields = ("uuid", "channel", "is_sandbox", "state", "external_id", "failure", "sent_at", "settled_at")
    readonly_fields = fields
    ordering = ("id",)


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing is edited here: operators decide by actions, each with its reason."""

    list_display = ("id", "user", "amount", "method", "account_shown", "status", "flags", "approvals", "created_at", "processed_at")
    list_filter = ("status", "method")
    list_select_related: ClassVar[tuple[str, ...]] = ("user",)
    search_fields = ("=id", "=user__username", "=payouts__uuid")
    ordering = ("-id",)
    show_full_result_count = False
    exclude = ("account", "account_digest", "input_hash", "idempotency_key")
    inlines = (DecisionInline, PayoutInline)
    action_form = ReasonForm
    actions = ("approve", "reject", "pay", "paid_by_hand", "look_up", "reveal")

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, withdrawal: Withdrawal) -> str:
        """The money to be paid."""
        return f"{withdrawal.amount_cents / 100:,.2f} CNY"

    @admin.display(description=gettext_lazy("approvals"))
    def approvals(self, withdrawal: Withdrawal) -> str:
        """How many operators have approved, of how many needed."""
        given = withdrawal.decisions.filter(verdict=WithdrawalDecision.Verdict.APPROVE).count()
        return f"{given} / {withdrawal.approvals_needed}"

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whether this operator may decide about money that leaves."""
        return request.user.has_perm("payments.change_withdrawal")

    @admin.action(description=gettext_lazy("Approve (a flagged one needs a reason)"), permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Withdrawal]) -> None:
        """Each is approved by this operator."""

        def decide(withdrawal_id: int, operator: User, reason: str) -> None:
            withdrawal_approve(withdrawal_id=withdrawal_id, operator=operator, reason=reason, at=clock.now())

        self._each(request, queryset, "approve", decide)

    @admin.action(description=gettext_lazy("Reject (the reason is told to the user)"), permissions=["decide"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Withdrawal]) -> None:
        """Each is rejected, its coins are back."""

        def decide(withdrawal_id: int, operator: User, reason: str) -> None:
            withdrawal_reject(withdrawal_id=withdrawal_id, operator=operator, answer=reason, at=clock.now())

        self._each(request, queryset, "reject", decide)

    @admin.action(description=gettext_lazy("Pay by the gateway"), permissions=["decide"])
    def pay(self, request: HttpRequest, queryset: QuerySet[Withdrawal]) -> None:
        """Each approved one is sent once."""

        def decide(withdrawal_id: int, operator: User, reason: str) -> None:
            withdrawal_pay(withdrawal_id=withdrawal_id, operator=operator, at=clock.now())

        self._each(request, queryset, "pay", decide)

    @admin.action(description=gettext_lazy("Paid by hand (the reason is the bank's number)"), permissions=["decide"])
    def paid_by_hand(self, request: HttpRequest, queryset: QuerySet[Withdrawal]) -> None:
        """Each approved one was paid outside of the platform."""

        def decide(withdrawal_id: int, operator: User, reason: str) -> None:
            withdrawal_paid_by_hand(withdrawal_id=withdrawal_id, operator=operator, evidence=reason, at=clock.now())

        self._each(request, queryset, "paid by hand", decide)

    @admin.action(description=gettext_lazy("Look the payout up at its gateway"), permissions=["decide"])
    def look_up(self, request: HttpRequest, queryset: QuerySet[Withdrawal]) -> None:
        """Each is asked about; nothing is sent."""

        def decide(withdrawal_id: int, operator: User, reason: str) -> None:
            payout_look_up(payout_id=payout_of_withdrawal(withdrawal_id).pk, at=clock.now())

        self._each(request, queryset, "look up", decide)

    @admin.action(description=gettext_lazy("Show the payee's account (a reason is needed and kept)"), permissions=["decide"])
    def reveal(self, request: HttpRequest, queryset: QuerySet[Withdrawal]) -> None:
        """The whole account of each, to pay it by hand; who looked and why is kept."""
        reason = reason_of(request)
        if not reason:
            self.message_user(request, _("Say why: who looks at an account is kept with the reason."), messages.ERROR)
            return
        for withdrawal in queryset:
            logged(request, withdrawal, f"account looked at: {reason}")
            account: dict[str, str] = json.loads(withdrawal.account)
            self.message_user(request, f"{withdrawal}: " + ", ".join(f"{name} {value}" for name, value in account.items()))

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Withdrawal],
        action: str,
        decide: Callable[[int, User, str], None],
    ) -> None:
        """One decision about each, told to the operator and kept in the console's log."""
        operator: Any = request.user
        reason = reason_of(request)
        for withdrawal in queryset.order_by("pk"):
            try:
                decide(withdrawal.pk, operator, reason)
            except DomainError as error:
                self.message_user(request, f"{withdrawal}: {_(error.message)}", messages.ERROR)
                continue
            withdrawal.refresh_from_db()
            logged(request, withdrawal, f"{action} → {withdrawal.status}: {reason}")
            self.message_user(request, f"{withdrawal}: {withdrawal.status}")
