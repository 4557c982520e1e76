"""The sandbox gateway's own books: what it would know if it stood elsewhere."""

from __future__ import annotations

from django.db import models

from payments.models.order import Order


class SandboxPayment(models.Model):
    """A checkout of the sandbox gateway (demo mode). It knows only what a gateway is told, and our order only by its number."""

    class State(models.TextChoices):
        OPEN = "open"
        PAID = "paid"
        FAILED = "failed"
        CANCELLED = "cancelled"
        CLOSED = "closed"

    id = models.UUIDField(primary_key=True, help_text="Our order's public id.")
    channel = models.CharField(max_length=8, choices=Order.Channel)
    title = models.CharField(max_length=120)
    amount_cents = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    return_url = models.CharField(max_length=2000, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)
