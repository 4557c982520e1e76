"""Actions of the console: each asks why, and what was done is kept in the console's log."""

from __future__ import annotations

from django import forms
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

REASON_MOST = 180


class ReasonForm(ActionForm):
    """The reason that an operator gives with an action."""

    reason = forms.CharField(max_length=REASON_MOST, required=False, label=gettext_lazy("Reason"))


def reason_of(request: HttpRequest) -> str:
    """What the operator wrote; empty when nothing."""
    return request.POST.get("reason", "").strip()[:REASON_MOST]


def logged(request: HttpRequest, subject: Model, what: str) -> None:
    """What the operator did to the row stands in the console's log."""
    LogEntry.objects.log_actions(request.user.pk or 0, [subject], CHANGE, what, single_object=True)
