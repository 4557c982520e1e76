"""The inbox: what gateways told us, as it came, and what became of it."""

from __future__ import annotations

from django.db import models

from payments.models.order import Order
from payments.states import NoticeFate


class Notice(models.Model):
    """One notice, stored before it is acted on. `(source, external_id)` makes deliveries of one notice one row.

    What could not be proven is kept too (bounded, under an id of our own, so that a forger cannot take a genuine notice's place).
    """

    source = models.CharField(max_length=8, choices=Order.Channel)
    external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=80, blank=True)
    body = models.BinaryField()
    headers = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    deliveries = models.PositiveIntegerField(default=1)
    fate = models.CharField(max_length=10, choices=NoticeFate, default=NoticeFate.RECEIVED)
    reason = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="notices")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["source", "external_id"], name="notice_unique"),)
        indexes = (
            models.Index(fields=["received_at"], name="notice_waiting", condition=models.Q(fate="received")),
            models.Index(fields=["source", "received_at"], name="notice_unproven", condition=models.Q(fate="unproven")),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"
