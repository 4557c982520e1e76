"""Alarms in the console: the open ones first, closed with what was done."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel import clock
from payments.admin.readonly import ReadOnly
from payments.admin.reason import ReasonForm, logged, reason_of
from payments.models import Alarm
from payments.services.alarm import alarm_close


@admin.register(Alarm)
class AlarmAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What somebody must look at; nothing is edited, alarms are closed with a note."""

    list_display = ("kind", "subject", "text", "times", "raised_at", "last_at", "closed_at", "closed_by", "note")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "kind")
    list_select_related = ("closed_by",)
    search_fields = ("subject",)
    ordering = (F("closed_at").desc(nulls_first=True), "-last_at")
    show_full_result_count = False
    action_form = ReasonForm
    actions = ("close",)

    @admin.action(description=gettext_lazy("Close (say what was done)"), permissions=["act"])
    def close(self, request: HttpRequest, queryset: QuerySet[Alarm]) -> None:
        """Each open alarm is closed with the operator's note."""
        note = reason_of(request)
        if not note:
            self.message_user(request, _("Say what was done: the note is kept."), messages.ERROR)
            return
        for alarm in queryset:
            if alarm_close(alarm=alarm, operator=request.user, note=note, at=clock.now()):  # type: ignore[arg-type]
                logged(request, alarm, f"close: {note}")
                self.message_user(request, f"{alarm}: {_('closed')}")
