"""What runs for a time after it was bought: memberships and monthly cards."""

from __future__ import annotations

from django.db import models

from accounts.models import User
from payments.models.order import Order


class MembershipPeriod(models.Model):
    """One bought stretch of membership. A user's stretches follow each other without gap or overlap while they are live."""

    class Type(models.TextChoices):
        MONTHLY = "monthly"
        QUARTERLY = "quarterly"
        YEARLY = "yearly"

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="membership_periods")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="membership_period")
    type = models.CharField(max_length=12, choices=Type)
    months = models.PositiveSmallIntegerField()
    daily_units = models.PositiveIntegerField(help_text="Fair use: free generations a day.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, help_text="Its order was refunded: it does not count, later stretches moved up.")
    reminded_days = models.PositiveSmallIntegerField(null=True, help_text="The last reminder said that so many days are left.")
    ended_at = models.DateTimeField(null=True, help_text="When its end was told.")

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="membership_period"),)
        indexes = (
            models.Index(fields=["user", "ends_at"], name="membership_user"),
            models.Index(fields=["ends_at"], name="membership_due", condition=models.Q(cancelled_at=None, ended_at=None)),
        )

    def __str__(self) -> str:
        return f"{self.type} of {self.user_id}"


class MonthlyCard(models.Model):
    """A bought card: one claim a day (Asia/Shanghai), cards of a user queue. Its credits are promised by a campaign when it is paid."""

    class State(models.TextChoices):
        PENDING = "pending"  # ordered, not paid
        LIVE = "live"  # paid: running or queued by its days
        ENDED = "ended"  # its days are over
        CANCELLED = "cancelled"  # refunded, or its order ended without money

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="monthly_cards")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="monthly_card")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    days = models.PositiveSmallIntegerField()
    claim_credits = models.PositiveIntegerField()
    promise_id = models.BigIntegerField(null=True, help_text="The campaign's promise that pays its claims.")
    first_day = models.DateField(null=True, help_text="Asia/Shanghai.")
    last_day = models.DateField(null=True)
    claims = models.PositiveSmallIntegerField(default=0)
    reminded_days = models.PositiveSmallIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(claims__lte=models.F("days")), name="monthlycard_claims"),
            models.CheckConstraint(
                condition=~models.Q(state="live") | models.Q(promise_id__isnull=False, first_day__isnull=False, last_day__isnull=False),
                name="monthlycard_live",
            ),
        )
        indexes = (
            models.Index(fields=["user", "last_day"], name="monthlycard_user"),
            models.Index(fields=["last_day"], name="monthlycard_due", condition=models.Q(state="live")),
            models.Index(fields=["id"], name="monthlycard_waiting", condition=models.Q(state="pending")),
        )

    def __str__(self) -> str:
        return f"card {self.pk} of {self.user_id}"


class CardClaim(models.Model):
    """One day's claim of a user, whichever of their cards paid it: at most one a day."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    card = models.ForeignKey(MonthlyCard, on_delete=models.PROTECT, related_name="claimed")
    day = models.DateField(help_text="Asia/Shanghai.")
    amount_credits = models.PositiveIntegerField()
    transaction_id = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "day"], name="cardclaim_once_a_day"),)

    def __str__(self) -> str:
        return f"{self.user_id} on {self.day}"
