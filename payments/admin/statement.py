"""Gateways' days beside ours: what differs, closed with what was done."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel import clock
from config.kernel.errors import DomainError
from payments.admin.readonly import ReadOnly
from payments.admin.reason import ReasonForm, logged, reason_of
from payments.gateways.base import Rejected, Temporary
from payments.models import Difference, Statement
from payments.services.statement import difference_close, statement_compare


class DifferenceInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """What the gateway's day and ours disagree about."""

    model = Difference
    extra = 0
    fields = ("kind", "reference", "order", "gateway_cents", "our_cents", "closed_at", "closed_by", "note")
    readonly_fields = fields
    ordering = ("id",)
    show_change_link = True


@admin.register(Statement)
class StatementAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """One day of one gateway each."""

    list_display = ("day", "channel", "lines", "gateway_cents", "our_cents", "open_differences", "compared_at")
    list_filter = ("channel",)
    ordering = ("-day", "channel")
    inlines = (DifferenceInline,)
    actions = ("compare",)

    @admin.display(description=gettext_lazy("open differences"))
    def open_differences(self, statement: Statement) -> int:
        """How many nobody has closed."""
        return statement.differences.filter(closed_at=None).count()

    @admin.action(description=gettext_lazy("Compare anew"), permissions=["act"])
    def compare(self, request: HttpRequest, queryset: QuerySet[Statement]) -> None:
        """Each day is fetched and compared again."""
        for statement in queryset:
            try:
                statement_compare(channel=statement.channel, day=statement.day, at=clock.now())
            except (DomainError, Temporary, Rejected, KeyError) as error:
                self.message_user(request, f"{statement}: {error}", messages.ERROR)
                continue
            logged(request, statement, "compare")
            self.message_user(request, f"{statement}: {_('compared')}")


@admin.register(Difference)
class DifferenceAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """All differences, the open ones first."""

    list_display = ("statement", "kind", "reference", "order", "gateway_cents", "our_cents", "closed_at", "closed_by", "note")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "kind", "statement__channel")
    list_select_related = ("statement", "order", "closed_by")
    search_fields = ("=reference", "=order__uuid")
    ordering = (F("closed_at").desc(nulls_first=True), "-id")
    show_full_result_count = False
    action_form = ReasonForm
    actions = ("close",)

    @admin.action(description=gettext_lazy("Close (say what was done)"), permissions=["act"])
    def close(self, request: HttpRequest, queryset: QuerySet[Difference]) -> None:
        """Each open difference is closed with the operator's note."""
        note = reason_of(request)
        if not note:
            self.message_user(request, _("Say what was done: the note is kept."), messages.ERROR)
            return
        for difference in queryset:
            if difference_close(difference=difference, operator=request.user, note=note, at=clock.now()):  # type: ignore[arg-type]
                logged(request, difference, f"close: {note}")
                self.message_user(request, f"{difference}: {_('closed')}")
