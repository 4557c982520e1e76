"""What somebody must look at: alarms, and differences between a gateway's books and ours."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from payments.models.order import Order


class Alarm(models.Model):
    """Something looks like fraud, a stuck payment, books that differ. Open until an operator says what was done."""

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=255, help_text="What it is about, e.g. order:<uuid>.")
    text = models.CharField(max_length=500)
    times = models.PositiveIntegerField(default=1)
    raised_at = models.DateTimeField()
    last_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True, help_text="When operators were told by mail.")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["kind", "subject"], condition=models.Q(closed_at=None), name="alarm_one_open"),)
        indexes = (models.Index(fields=["-last_at"], name="alarm_open", condition=models.Q(closed_at=None)),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"


class Statement(models.Model):
    """One day of one gateway, compared with ours."""

    channel = models.CharField(max_length=8, choices=Order.Channel)
    day = models.DateField(help_text="As the gateway counts days.")
    compared_at = models.DateTimeField()
    lines = models.PositiveIntegerField()
    gateway_cents = models.BigIntegerField(help_text="Money in less money out, by the gateway, in its currency's cents.")
    our_cents = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["channel", "day"], name="statement_unique"),)

    def __str__(self) -> str:
        return f"{self.channel} on {self.day}"


class Difference(models.Model):
    """One thing that a gateway's day and ours disagree about, until an operator says what was done."""

    class Kind(models.TextChoices):
        MISSING_HERE = "missing_here"  # the gateway has it, we do not
        MISSING_THERE = "missing_there"  # we have it, the gateway does not
        AMOUNT = "amount"
        STATE = "state"

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="differences")
    kind = models.CharField(max_length=14, choices=Kind)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="+")
    reference = models.CharField(max_length=255, help_text="The gateway's number, or ours.")
    gateway_cents = models.BigIntegerField(null=True)
    our_cents = models.BigIntegerField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["statement", "kind", "reference"], name="difference_unique"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
