"""What operators set: prices and campaigns; and what they look up: promises, entitlements, limits."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext as _

from credits.admin.readonly import ReadOnly
from credits.models import Campaign, Entitlement, Offer, Price, Promise, SpendLimit, SpendUsage
from credits.services.campaign import campaign_budget_set


class PriceInline(admin.TabularInline):  # type: ignore[type-arg]
    """An offer's price rows."""

    model = Price
    extra = 0


@admin.register(Offer)
class OfferAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The price list, offer by offer."""

    list_display = ("code", "is_active")
    list_filter = ("is_active",)
    search_fields = ("code",)
    inlines: ClassVar = [PriceInline]


class CampaignForm(forms.ModelForm):  # type: ignore[type-arg]
    """A campaign with its budget; what remains follows from it."""

    class Meta:
        model = Campaign
        fields = ("slug", "title", "is_active", "budget_credits")

    def clean_budget_credits(self) -> int:
        """The budget covers what is paid and promised."""
        budget: int = self.cleaned_data["budget_credits"]
        if self.instance.pk is None:
            bound = 0
        else:
            bound = Campaign.objects.values_list(F("budget_credits") - F("remaining_credits"), flat=True).get(pk=self.instance.pk)
        if budget < bound:
            raise forms.ValidationError(_("%(n)s credits are paid or promised already.") % {"n": bound})
        return budget


@admin.register(Campaign)
class CampaignAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Budgets. The slug names an account of the books and stays."""

    form = CampaignForm
    list_display = ("slug", "title", "is_active", "budget_credits", "remaining_credits")
    readonly_fields = ("remaining_credits",)
    ordering = ("slug",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A slug is given once."""
        return ("slug", "remaining_credits") if obj else ("remaining_credits",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: the postings name it."""
        return False

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """Budget and remainder move together, beside payments that happen meanwhile."""
        if not change:
            obj.remaining_credits = obj.budget_credits
            obj.save()
            return
        budget = obj.budget_credits
        obj.save(update_fields=["title", "is_active"])
        campaign_budget_set(campaign_id=obj.pk, budget_credits=budget)


@admin.register(Promise)
class PromiseAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What campaigns promised."""

    list_display = ("id", "campaign", "user_id", "reference", "amount_credits", "paid_credits", "created_at", "withdrawn_at")
    list_filter = ("campaign",)
    list_select_related = ("campaign",)
    search_fields = ("=user__username", "=reference")
    ordering = ("-id",)


@admin.register(Entitlement)
class EntitlementAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Who spends without a debit, until when."""

    list_display = ("id", "user", "name", "valid_from", "valid_until", "daily_units", "used_day", "used_units")
    list_filter = ("name",)
    list_select_related = ("user",)
    search_fields = ("=user__username",)
    ordering = ("-id",)


class SpendUsageInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """A limited key's days."""

    model = SpendUsage
    extra = 0
    ordering = ("-day",)


@admin.register(SpendLimit)
class SpendLimitAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Budgets of API keys and what is used of them."""

    list_display = ("api_key", "day_credits", "total_credits", "used_credits")
    list_select_related = ("api_key",)
    ordering = ("-api_key_id",)
    inlines: ClassVar = [SpendUsageInline]
