"""Credits and coins that are taken back: from who bought them, and from those whom they were sent to."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from credits.models.wallet import Transaction, Wallet

_STILL_OWED = Q(restored_by__isnull=True, shortfall__gt=F("repaid_paid") + F("repaid_bonus"))


class Takeback(models.Model):
    """Credits taken back from their buyer, and what of them is owed. It can be restored, once.

    Of `paid` + `bonus_instead` + `shortfall` paid credits that were to be taken, `shortfall` were no longer there.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False, related_name="+")
    key = models.CharField(max_length=255, help_text="Idempotency key, unique per user.")
    reference = models.CharField(max_length=255)
    paid = models.BigIntegerField(help_text="Paid credits taken.")
    bonus = models.BigIntegerField(help_text="Bonus credits taken.")
    bonus_instead = models.BigIntegerField(help_text="How many of the bonus credits stood in for paid ones that were gone.")
    shortfall = models.BigIntegerField(help_text="Credits that were missing and are owed since.")
    repaid_paid = models.BigIntegerField(default=0)
    repaid_bonus = models.BigIntegerField(default=0)
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="takeback")
    restored_by = models.OneToOneField(Transaction, on_delete=models.PROTECT, null=True, related_name="restored_takeback")
    created_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "key"], name="takeback_key_unique"),
            models.CheckConstraint(condition=Q(paid__gte=0, bonus__gte=F("bonus_instead"), bonus_instead__gte=0), name="takeback_taken"),
            models.CheckConstraint(
                condition=Q(repaid_paid__gte=0, repaid_bonus__gte=0, shortfall__gte=F("repaid_paid") + F("repaid_bonus")),
                name="takeback_repaid",
            ),
        )
        indexes = (models.Index(fields=["user", "id"], name="takeback_open", condition=_STILL_OWED),)

    def __str__(self) -> str:
        return f"take-back {self.pk}"


class Repayment(models.Model):
    """What one transaction brought in and a take-back's shortfall took of it at once, append-only."""

    takeback = models.ForeignKey(Takeback, on_delete=models.PROTECT, related_name="repayments")
    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="repayments")
    paid = models.BigIntegerField()
    bonus = models.BigIntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(paid__gte=0, bonus__gte=0) & ~Q(paid=0, bonus=0), name="repayment_amount"),
            models.UniqueConstraint(fields=["takeback", "transaction"], name="repayment_unique"),
        )

    def __str__(self) -> str:
        return f"{self.paid} + {self.bonus} for take-back {self.takeback_id}"


class Clawback(models.Model):
    """What disputed credits of one transfer became at its recipient, and where it is now: hundredths of coins.

    `pending`, `coins`, `blocked` and `lost` add up to what the claimed credits had earned.
    """

    reference = models.CharField(max_length=255, help_text="The dispute.")
    payer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recipient = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="clawbacks")
    transfer = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="clawbacks")
    credits = models.BigIntegerField(help_text="Of the transfer's paid credits.")
    pending = models.BigIntegerField(help_text="Hundredths, taken while they matured.")
    coins = models.BigIntegerField(help_text="Hundredths, taken of available coins.")
    blocked = models.BigIntegerField(help_text="Hundredths, waited for while they sit in an open withdrawal.")
    lost = models.BigIntegerField(help_text="Hundredths that were gone: borne by the platform.")
    taken_by = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="+")
    collected_by = models.OneToOneField(Transaction, on_delete=models.PROTECT, null=True, related_name="+")
    restored_by = models.ForeignKey(Transaction, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, help_text="The dispute is lost since: what is blocked is taken when it comes back.")
    settled_at = models.DateTimeField(null=True, help_text="Nothing is blocked since: the dispute was lost or won.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["reference", "transfer"], name="clawback_unique"),
            models.CheckConstraint(
                condition=Q(credits__gt=0, pending__gte=0, coins__gte=0, blocked__gte=0, lost__gte=0), name="clawback_parts"
            ),
            models.CheckConstraint(
                condition=Q(blocked=0) | Q(settled_at__isnull=True) | Q(restored_by__isnull=False), name="clawback_settled"
            ),
        )
        indexes = (models.Index(fields=["recipient"], name="clawback_open", condition=Q(settled_at__isnull=True)),)

    def __str__(self) -> str:
        return f"{self.credits} of transfer {self.transfer_id}"
