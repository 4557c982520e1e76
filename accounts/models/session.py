"""Sessions and API keys: what proves who is asking."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.user import User
from config.kernel.secrets import SecretField


class Session(models.Model):
    """One sign-in. Access tokens name it; revoking it refuses them all from the next request on.

    `form` is fixed from birth: `body` rotates its refresh token (a reused one revokes the session),
    `header` keeps one refresh token for its life, `page` hangs on a Django session of the pages.
    """

    class Form(models.TextChoices):
        BODY = "body"
        HEADER = "header"
        PAGE = "page"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    form = models.CharField(max_length=8, choices=Form)
    access_life_s = models.PositiveIntegerField()
    refresh_life_s = models.PositiveIntegerField()
    refresh_digest = models.BinaryField(max_length=32, null=True)
    opened_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=32, blank=True)
    second_factor_at = models.DateTimeField(null=True, blank=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = (models.Index(fields=["user", "-last_used_at"], name="session_user"),)

    def __str__(self) -> str:
        return f"{self.form} session of {self.user_id}"


class ApiKey(models.Model):
    """A key of a client application or of a person. Only its SHA-256 is stored; it was shown once.

    An operator's *application* key goes with any user's token; a personal key only with its owner's,
    and as Bearer it acts as its owner within `scopes`.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=64)
    prefix = models.CharField(max_length=12, help_text="The first characters, to tell keys apart.")
    digest = models.BinaryField(max_length=32, unique=True)
    is_application = models.BooleanField(default=False)
    scopes = ArrayField(models.CharField(max_length=32), default=list)
    webhook_secret = SecretField(purpose="webhook")
    budget_day_credits = models.PositiveIntegerField(null=True, blank=True)
    budget_total_credits = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["user"], name="apikey_user"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Idempotency(models.Model):
    """The first answer under an `Idempotency-Key` of a user; a refusal frees the key."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    input_hash = models.BinaryField(max_length=32, help_text="SHA-256 of method, path and body.")
    created_at = models.DateTimeField()
    locked_until = models.DateTimeField(null=True, help_text="Set while the first request runs.")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(null=True)
    reference = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "idempotency keys"
        constraints = (models.UniqueConstraint(fields=["user", "key"], name="idempotency_unique"),)
        indexes = (models.Index(fields=["created_at"], name="idempotency_created"),)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.key}"
