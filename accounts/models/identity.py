"""Identities: the proven ways a user signs in."""

from __future__ import annotations

from django.db import models

from accounts.models.user import User
from config.kernel.secrets import SecretField


class Identity(models.Model):
    """A proven e-mail, phone (E.164) or outside account (`sub`, unionid). Only these sign in and link."""

    class Kind(models.TextChoices):
        EMAIL = "email"
        PHONE = "phone"
        GOOGLE = "google"
        WECHAT = "wechat"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=8, choices=Kind)
    subject = models.CharField(max_length=255)
    verified_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "identities"
        constraints = (models.UniqueConstraint(fields=["kind", "subject"], name="identity_unique"),)

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id}"


class ErasedIdentity(models.Model):
    """A keyed hash of an erased identity: the sign-up gift is paid once for ever."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    erased_at = models.DateTimeField()

    def __str__(self) -> str:
        return bytes(self.digest).hex()[:12]


class SmsCode(models.Model):
    """One text message's code: a keyed hash, five minutes, one use, burnt after five wrong tries."""

    phone = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    wrong_tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=["phone", "-created_at"], name="smscode_phone"),
            models.Index(fields=["created_at"], name="smscode_created"),
        )

    def __str__(self) -> str:
        return f"code for {self.phone}"


class MailToken(models.Model):
    """One link sent by e-mail: proves, changes or links an address, or resets a password. One use."""

    class Purpose(models.TextChoices):
        PROVE = "prove"
        RESET = "reset"

    digest = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=8, choices=Purpose)
    address = models.EmailField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} for {self.user_id}"


class SecondFactor(models.Model):
    """A time-based one-time password (RFC 6238) of a user; a code counts once."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="second_factor")
    secret = SecretField(purpose="totp")
    last_step = models.BigIntegerField(default=0, help_text="The 30-second step of the last accepted code.")
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"second factor of {self.user_id}"
