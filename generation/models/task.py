"""Tasks and the attempts at engines that they cost."""

from __future__ import annotations

import uuid

from django.db import models

from accounts.models import ApiKey, User
from generation.states import AttemptState, LateChoice, TaskState


class Task(models.Model):
    """One order of one thing to make. The row is the truth and the queue."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # The function that creates a task locks its owner's wallet, which has the foreign key: a second row lock on every
    # order would buy nothing. Users are never deleted, only erased; a key that is gone leaves its number.
    user = models.ForeignKey(User, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="tasks")
    api_key = models.ForeignKey(ApiKey, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True, related_name="+")
    kind = models.CharField(max_length=20)
    offer = models.CharField(max_length=60, help_text="The price list's name for it, e.g. video/text-to-video.")
    alias = models.CharField(max_length=60, help_text="The model name that routes are looked up by.")
    params = models.JSONField()
    status = models.CharField(max_length=10, choices=TaskState, default=TaskState.PENDING)
    progress = models.FloatField(default=0, help_text="0–100, never going back.")
    cost_credits = models.BigIntegerField(help_text="Debited or held at creation, captured once it succeeded; given back otherwise.")
    estimate_s = models.PositiveIntegerField(help_text="The estimate that was told at creation.")
    hold_id = models.BigIntegerField(null=True, help_text="The hold of a per-second kind.")
    is_clean = models.BooleanField(default=True, help_text="Shows the file without watermark.")
    priority = models.SmallIntegerField(default=0, help_text="1 stands before 0: entitled to it at creation, or waited long.")
    webhook_url = models.CharField(max_length=2000, blank=True)
    callback_token = models.CharField(max_length=64, blank=True)
    engine = models.ForeignKey(
        "Engine", on_delete=models.SET_NULL, db_index=False, null=True, related_name="+", help_text="Given to it by the claim."
    )
    faults = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="Times our own side broke it; at three it is given up.")
    retry_of = models.ForeignKey("self", on_delete=models.PROTECT, db_index=False, null=True, related_name="retries")
    output = models.ForeignKey("Asset", on_delete=models.SET_NULL, db_index=False, null=True, related_name="+")
    output_duration_ms = models.PositiveIntegerField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    cancel_requested_at = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    run_after = models.DateTimeField(null=True, help_text="A back-off: not claimed before.")
    deadline_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["user", "-id"], name="task_user"),
            # A new task stays out of it: few are PENDING at a time, and every order would pay for the place.
            models.Index(fields=["user", "status", "-id"], name="task_user_status", condition=~models.Q(status="PENDING")),
            models.Index(fields=["-priority", "id"], name="task_queue", condition=models.Q(status="PENDING")),
            models.Index(fields=["lease_until"], name="task_running", condition=models.Q(status="RUNNING")),
            models.Index(fields=["kind", "alias", "-completed_at"], name="task_measured", condition=models.Q(status="SUCCEEDED")),
            models.Index(fields=["output"], name="task_output", condition=models.Q(output__isnull=False)),
            models.Index(fields=["user"], name="task_user_running", condition=models.Q(status="RUNNING")),
        )
        constraints = (
            models.CheckConstraint(condition=models.Q(progress__gte=0, progress__lte=100), name="task_progress"),
            models.CheckConstraint(condition=models.Q(cost_credits__gte=0), name="task_cost"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid}"


class Attempt(models.Model):
    """One try of a task at one engine: what was sent, when, and what came of it."""

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    engine = models.ForeignKey("Engine", on_delete=models.PROTECT, related_name="attempts")
    upstream_id = models.CharField(max_length=128, blank=True, db_index=True)
    state = models.CharField(max_length=10, choices=AttemptState, default=AttemptState.SENDING)
    sent_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cost_cents = models.BigIntegerField(default=0)
    verdict = models.CharField(max_length=200, blank=True)
    next_poll_at = models.DateTimeField(null=True, help_text="When the engine is asked next (real time); pushed on by whoever asks.")
    late_asset = models.ForeignKey("Asset", on_delete=models.SET_NULL, null=True, related_name="+", help_text="Came after the refund.")
    late_choice = models.CharField(max_length=8, choices=LateChoice, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["task", "number"], name="attempt_number_unique"),)
        indexes = (
            models.Index(fields=["next_poll_at"], name="attempt_poll_due", condition=models.Q(state__in=["sending", "running"])),
            models.Index(fields=["engine", "-sent_at"], name="attempt_engine_recent"),
        )

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.task_id}"
