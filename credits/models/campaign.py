"""Campaigns: budgets out of which credits are given, and what was promised of them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from accounts.models import User


class Campaign(models.Model):
    """A budget of bonus credits. `remaining` is what is neither paid nor promised; it is locked last."""

    slug = models.SlugField(max_length=50, unique=True)
    title = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True, help_text="Off: nothing new is paid or promised; promises are kept.")
    budget_credits = models.BigIntegerField()
    remaining_credits = models.BigIntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(remaining_credits__gte=0), name="campaign_remaining"),
            models.CheckConstraint(condition=Q(remaining_credits__lte=F("budget_credits")), name="campaign_budget"),
        )

    def __str__(self) -> str:
        return self.slug

    @property
    def account(self) -> str:
        """The account that its gifts are posted from."""
        return f"campaign:{self.slug}"


class Promise(models.Model):
    """Credits of a campaign that were sold or promised to a user and are reserved until paid or withdrawn."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="promises")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=255)
    reference = models.CharField(max_length=255)
    amount_credits = models.BigIntegerField()
    paid_credits = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "key"], name="promise_key_unique"),
            models.CheckConstraint(condition=Q(amount_credits__gt=0), name="promise_amount"),
            models.CheckConstraint(condition=Q(paid_credits__gte=0, paid_credits__lte=F("amount_credits")), name="promise_paid"),
        )

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.paid_credits}/{self.amount_credits}"
