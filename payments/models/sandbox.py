"""The sandbox gateway's own books: what it would know if it stood elsewhere."""

from __future__ import annotations

from django.db import models

from config.kernel.secrets import SecretField
from payments.models.order import Order


class SandboxKey(models.Model):
    """A key pair or key that the sandbox plays with: a gateway's, or the merchant's at that gateway. Demo mode only."""

    name = models.CharField(max_length=40, primary_key=True)
    text = SecretField(purpose="sandbox-key")

    def __str__(self) -> str:
        return self.name


class SandboxPayment(models.Model):
    """A checkout of the sandbox gateway (demo mode). It knows only what a gateway is told, and our order only by its number."""

    class State(models.TextChoices):
        OPEN = "open"
        PAID = "paid"
        FAILED = "failed"
        CANCELLED = "cancelled"
        CLOSED = "closed"

    class Dispute(models.TextChoices):
        OPENED = "opened"
        WON = "won"
        LOST = "lost"

    id = models.UUIDField(primary_key=True, help_text="Our order's public id.")
    channel = models.CharField(max_length=8, choices=Order.Channel)
    method = models.CharField(max_length=10, default="checkout")
    title = models.CharField(max_length=120)
    amount_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    return_url = models.CharField(max_length=2000, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    dispute = models.CharField(max_length=6, choices=Dispute, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class SandboxRefund(models.Model):
    """A refund at the sandbox."""

    id = models.UUIDField(primary_key=True, help_text="Our refund's number.")
    payment = models.ForeignKey(SandboxPayment, on_delete=models.CASCADE, related_name="refunds")
    amount_cents = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, default="succeeded", help_text="processing, succeeded or failed")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.id)


class SandboxTransfer(models.Model):
    """A payout at the sandbox."""

    id = models.UUIDField(primary_key=True, help_text="Our payout's number.")
    channel = models.CharField(max_length=8)
    account_shown = models.CharField(max_length=120)
    amount_cents = models.PositiveBigIntegerField()
    state = models.CharField(max_length=10, default="paid", help_text="processing, paid, refused or returned")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.id)
