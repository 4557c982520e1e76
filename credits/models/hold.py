"""Holds of credits, and coins that still mature."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from credits.models.wallet import Transaction, Wallet
from credits.states import HoldState, Kind


class Hold(models.Model):
    """Credits set apart for work whose price is known when it is done. Remembers the buckets; resolves once."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_column="user_id", related_name="holds")
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="hold")
    kind = models.CharField(max_length=12, choices=Kind, help_text="What its capture is called in the ledger.")
    reference = models.CharField(max_length=255)
    api_key_id = models.BigIntegerField(null=True)
    limit_day = models.DateField(null=True)
    paid = models.BigIntegerField()
    bonus = models.BigIntegerField()
    bonus_first = models.BooleanField()
    state = models.CharField(max_length=8, choices=HoldState, default=HoldState.OPEN)
    charged = models.BigIntegerField(default=0, help_text="Credits that its capture took.")
    resolution = models.OneToOneField(Transaction, on_delete=models.PROTECT, null=True, related_name="resolved_hold")
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["wallet", "-id"], name="hold_wallet"),)
        constraints = (
            models.CheckConstraint(condition=Q(paid__gte=0, bonus__gte=0), name="hold_parts"),
            models.CheckConstraint(condition=Q(charged__gte=0, charged__lte=F("paid") + F("bonus")), name="hold_charged"),
            models.CheckConstraint(
                condition=Q(state=HoldState.OPEN, resolution__isnull=True, charged=0)
                | Q(state=HoldState.CAPTURED, resolution__isnull=False)
                | Q(state=HoldState.RELEASED, resolution__isnull=False, charged=0),
                name="hold_state",
            ),
        )

    def __str__(self) -> str:
        return f"hold {self.pk}"


class Maturing(models.Model):
    """Coins of one income that become available at a time."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, db_column="user_id", related_name="maturing")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="maturing")
    amount_hundredths = models.BigIntegerField()
    matures_at = models.DateTimeField()
    settled_by = models.ForeignKey(Transaction, on_delete=models.PROTECT, null=True, related_name="matured")

    class Meta:
        verbose_name_plural = "maturing coins"
        indexes = (
            models.Index(fields=["matures_at", "id"], name="maturing_due", condition=Q(settled_by__isnull=True)),
            models.Index(fields=["wallet", "matures_at"], name="maturing_wallet", condition=Q(settled_by__isnull=True)),
        )
        constraints = (models.CheckConstraint(condition=Q(amount_hundredths__gt=0), name="maturing_amount"),)

    def __str__(self) -> str:
        return f"{self.amount_hundredths / 100:.2f} at {self.matures_at:%Y-%m-%d %H:%M}"
