"""What moderation stopped: to be looked at, with how often it stopped the same person."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy

from generation.admin.readonly import LookOnly, ModelAdmin
from generation.models import ModerationHit


@admin.register(ModerationHit)
class ModerationHitAdmin(LookOnly, ModelAdmin):
    """Newest first; the excerpt is the person's own text and leaves with them."""

    list_display = ("created_at", "user", "hits", "verdict", "moderator", "category", "kind", "beginning")
    list_filter = ("verdict", "moderator", "kind", "created_at")
    list_select_related = ("user",)
    list_per_page = 50
    search_fields = ("=user__username", "=user__uuid", "category")
    ordering = ("-id",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        same = ModerationHit.objects.filter(user_id=OuterRef("user_id"), verdict=ModerationHit.Verdict.REFUSED)
        count = same.order_by().values("user_id").annotate(hits=Count("pk")).values("hits")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(hits=Coalesce(Subquery(count, IntegerField()), Value(0)))
        return rows

    @admin.display(description=gettext_lazy("Refused in all"))
    def hits(self, hit: Any) -> int:
        """How often moderation stopped this person."""
        count: int = hit.hits
        return count

    @admin.display(description=gettext_lazy("Excerpt"))
    def beginning(self, hit: ModerationHit) -> str:
        """The excerpt in one line."""
        return Truncator(hit.excerpt).chars(60)
