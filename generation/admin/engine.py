"""Engines and routes: edited by operators. A key goes in and never comes out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel import outbound
from generation.admin.readonly import ModelAdmin, ModelForm, TabularInline
from generation.engines.registry import ADAPTERS
from generation.models import Engine, Route
from generation.selectors.engine_stats import EngineStats, engine_stats
from generation.services.download import is_allowed_host

BOUND = ("adapter", "api_base")
"""A key belongs to one address: with either of these changed the old one must not be sent there."""
STATS = "stats"
"""What an engine in the list is told about it."""


class EngineForm(ModelForm):
    """The key is write-only; an empty field keeps the stored one."""

    api_key = forms.CharField(
        label=gettext_lazy("API key"),
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Leave empty to keep the stored key."),
    )
    adapter = forms.ChoiceField(label=gettext_lazy("Adapter"), choices=lambda: [(name, name) for name in ADAPTERS])

    class Meta:
        model = Engine
        fields = ("name", "adapter", "api_base", "api_key", "is_enabled", "concurrency", "broken_until")

    def clean_api_base(self) -> str:
        address: str = self.cleaned_data["api_base"].strip()
        if address and not is_allowed_host(address):
            try:
                outbound.judge(address, resolve=False)
            except outbound.AddressRefused as error:
                raise forms.ValidationError(_("This address cannot be used: %s") % error.params["reason"]) from error
        return address

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        stored = bool(self.instance.pk and Engine.objects.get(pk=self.instance.pk).api_key)
        if stored and not self.cleaned_data.get("api_key") and set(BOUND) & set(self.changed_data):
            self.add_error("api_key", _("Another adapter or address needs a new key."))
        return cleaned

    def save(self, commit: bool = True) -> Engine:
        if not self.cleaned_data["api_key"]:
            kept = Engine.objects.filter(pk=self.instance.pk).first()
            self.instance.api_key = kept.api_key if kept else ""
        engine: Engine = super().save(commit)
        return engine


class RouteInline(TabularInline):
    """The aliases that lead here."""

    model = Route
    extra = 0


@admin.register(Engine)
class EngineAdmin(ModelAdmin):
    """Each engine with how it did in the last day."""

    form = EngineForm  # type: ignore[assignment]  # of one model
    list_display = ("name", "adapter", "api_base", "is_enabled", "concurrency", "broken_until", "success_rate", "median_s", "p95_s")
    inlines = (RouteInline,)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list, its engines measured with one statement."""
        found = super().get_changelist_instance(request)
        stats = engine_stats()
        for engine in found.result_list:
            vars(engine)[STATS] = [row for row in stats if row.engine == engine.name]
        return found

    @admin.display(description=gettext_lazy("Success, 24 h"))
    def success_rate(self, engine: Engine) -> str:
        """The share of attempts that worked, over all models."""
        stats: list[EngineStats] = vars(engine)[STATS]
        attempts = sum(row.attempts for row in stats)
        return f"{sum(row.success_rate * row.attempts for row in stats) / attempts:.0%} / {attempts}" if attempts else "–"

    @admin.display(description=gettext_lazy("Median, s"))
    def median_s(self, engine: Engine) -> str:
        """The median time of each model."""
        return self._times(engine, "median_s")

    @admin.display(description=gettext_lazy("p95, s"))
    def p95_s(self, engine: Engine) -> str:
        """The 95th percentile of each model."""
        return self._times(engine, "p95_s")

    def _times(self, engine: Engine, name: str) -> str:
        found = [(row.alias, getattr(row, name)) for row in vars(engine)[STATS]]
        return ", ".join(f"{alias} {seconds:.1f}" for alias, seconds in found if seconds is not None) or "–"


@admin.register(Route)
class RouteAdmin(ModelAdmin):
    """Which engines an alias leads to, in order."""

    list_display = ("kind", "alias", "engine", "order", "weight", "is_enabled")
    list_filter = ("kind", "is_enabled")
    list_select_related = ("engine",)
