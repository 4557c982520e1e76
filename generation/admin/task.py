"""Tasks: to be looked at, with their attempts; to be cancelled through the service."""

from __future__ import annotations

import logging

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from config.kernel.errors import DomainError
from generation.admin.readonly import LookOnly, ModelAdmin, TabularInline
from generation.models import Attempt, Task
from generation.services.cancel import CancelResult, task_end

log = logging.getLogger(__name__)


class AttemptInline(LookOnly, TabularInline):
    """Every try at an engine."""

    model = Attempt
    fields = ("number", "engine", "state", "upstream_id", "sent_at", "answered_at", "ended_at", "verdict", "late_choice")
    ordering = ("number",)
    extra = 0


@admin.register(Task)
class TaskAdmin(LookOnly, ModelAdmin):
    """Prompts are shown to operators here, callback tokens never."""

    list_display = ("uuid", "user", "kind", "alias", "status", "progress", "cost_credits", "engine", "created_at", "completed_at")
    list_filter = ("status", "kind", "engine")
    list_select_related = ("user", "engine")
    search_fields = ("=uuid", "=user__username")
    exclude = ("callback_token",)
    ordering = ("-id",)
    show_full_result_count = False
    inlines = (AttemptInline,)
    actions = ("cancel",)

    @admin.action(description=gettext_lazy("Cancel the chosen tasks"), permissions=["view"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Waiting tasks end at once, running ones when their engine confirms; every one is refunded by its end."""
        if not request.user.has_perm("generation.change_task"):
            self.message_user(request, _("You may not cancel tasks."), messages.ERROR)
            return
        results = [self._cancelled(request, task.pk) for task in queryset]
        done, asked = results.count(CancelResult.DONE), results.count(CancelResult.REQUESTED)
        if done:
            self.message_user(request, ngettext("%d task is cancelled.", "%d tasks are cancelled.", done) % done)
        if asked:
            self.message_user(request, ngettext("%d engine was asked to stop.", "%d engines were asked to stop.", asked) % asked)
        if None in results:
            self.message_user(request, _("Some tasks had already ended."), messages.WARNING)

    def _cancelled(self, request: HttpRequest, task_id: int) -> CancelResult | None:
        try:
            result = task_end(task_id=task_id)
        except DomainError:
            return None
        log.info("operator %s cancelled task %s", request.user.pk, task_id)
        return result
