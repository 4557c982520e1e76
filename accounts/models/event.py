"""The event log: what happened to a user, in order, and who was told."""

from __future__ import annotations

import uuid

from django.db import models

from accounts.models.session import ApiKey
from accounts.models.user import User


class EventHead(models.Model):
    """The last event number of a user; locked after the wallets, so that numbers commit in order."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.number}"


class Event(models.Model):
    """One thing that happened to a user. Append-only; `(user, number)` is its id everywhere."""

    # The head row that numbers an event has the foreign key; a second row lock on every event would buy nothing.
    user = models.ForeignKey(User, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="events")
    number = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "number"], name="event_number_unique"),)

    def __str__(self) -> str:
        return f"{self.user_id}.{self.number} {self.kind}"


class Outbox(models.Model):
    """One later reaction to one event (`config/reactions.py`), handled once by a worker."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="reactions", db_index=False)
    reaction = models.CharField(max_length=80)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True, help_text="Given up; an operator is told.")
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "outbox"
        constraints = (models.UniqueConstraint(fields=["event", "reaction"], name="outbox_unique"),)
        indexes = (
            models.Index(fields=["next_try_at"], name="outbox_due", condition=models.Q(done_at__isnull=True, failed_at__isnull=True)),
        )

    def __str__(self) -> str:
        return f"{self.reaction} of event {self.event_id}"


class WebhookEndpoint(models.Model):
    """An address a user's events go to; disabled after 410 or a day of failures."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField(max_length=2000)
    failing_since = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "url"], name="webhookendpoint_unique"),)

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One message to one address: the exact bytes, retried with back-off for 24 h (real time)."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+", help_text="Whose secret signs.")
    event_kind = models.CharField(max_length=40)
    reference = models.CharField(max_length=64, help_text="What it is about, e.g. the task's UUID.")
    body = models.BinaryField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="The last retry happens at this moment; a replay may come later.")
    next_try_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = (models.UniqueConstraint(fields=["endpoint", "event_kind", "reference"], name="webhookdelivery_once"),)
        indexes = (models.Index(fields=["next_try_at"], name="webhookdelivery_due", condition=models.Q(state="pending")),)

    def __str__(self) -> str:
        return f"{self.event_kind} {self.reference}"


class WebhookAttempt(models.Model):
    """One try of a delivery: when, what came back, how long it took."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    duration_ms = models.PositiveIntegerField()
    is_replay = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.status_code or self.error} at {self.at:%Y-%m-%d %H:%M:%S}"


class Installation(models.Model):
    """The one row that says what this database is for: demo or production; the demo clock's offset."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    is_demo = models.BooleanField()
    clock_offset_s = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="installation_single"),)

    def __str__(self) -> str:
        return "demo" if self.is_demo else "production"
