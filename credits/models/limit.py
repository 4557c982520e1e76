"""Entitlements and spend limits: what a spend obeys besides the balance."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import ApiKey, User


class Entitlement(models.Model):
    """A user's right to spends of a name (`studio`) without a debit, so many a day, for a time."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="entitlements")
    name = models.CharField(max_length=40)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    daily_units = models.PositiveIntegerField(help_text="Fair use: free spends a day (Asia/Shanghai).")
    used_day = models.DateField(null=True, blank=True)
    used_units = models.PositiveIntegerField(default=0, help_text="Free spends on that day.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "name"], name="entitlement_unique"),
            models.CheckConstraint(condition=Q(valid_until__gte=models.F("valid_from")), name="entitlement_period"),
        )

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"


class SpendLimit(models.Model):
    """The credit budget of an API key, a day and in total. A key without a row is not limited."""

    api_key = models.OneToOneField(ApiKey, on_delete=models.PROTECT, primary_key=True, related_name="spend_limit")
    day_credits = models.BigIntegerField(null=True, blank=True)
    total_credits = models.BigIntegerField(null=True, blank=True)
    used_credits = models.BigIntegerField(default=0, help_text="Spent and held since the limit exists, less what came back.")

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(used_credits__gte=0), name="spendlimit_used"),)

    def __str__(self) -> str:
        return f"limit of key {self.pk}"


class SpendUsage(models.Model):
    """What a limited API key spent and held on one day of Asia/Shanghai."""

    limit = models.ForeignKey(SpendLimit, on_delete=models.PROTECT, db_column="api_key_id", db_index=False, related_name="usage")
    day = models.DateField()
    used_credits = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "spend usage"
        constraints = (
            models.UniqueConstraint(fields=["limit", "day"], name="spendusage_unique"),
            models.CheckConstraint(condition=Q(used_credits__gte=0), name="spendusage_used"),
        )

    def __str__(self) -> str:
        return f"{self.day}: {self.used_credits}"
