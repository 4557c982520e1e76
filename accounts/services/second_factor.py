"""The second factor: time-based one-time passwords (RFC 6238, SHA-1, 6 digits, 30 s). Real time."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import secrets
from urllib.parse import quote

from django.db import transaction

from accounts.models import SecondFactor, User
from accounts.services.token import real

STEP_S = 30
DIGITS = 6
SKEW_STEPS = 1


def totp_code(secret: str, step: int) -> str:
    """The code of one 30-second step for a base32 secret (RFC 4226 §5.3)."""
    padded = secret + "=" * (-len(secret) % 8)
    mac = hmac.digest(base64.b32decode(padded, casefold=True), step.to_bytes(8, "big"), "sha1")
    start = mac[-1] & 0x0F
    return str((int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF) % 10**DIGITS).zfill(DIGITS)


def second_factor_start(*, user: User) -> tuple[str, str]:
    """The user has a new, unconfirmed secret; returns it and its `otpauth://` address, both shown once.

    Raises ValueError if a confirmed one stands: it must be removed first.
    """
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if second_factor_stands(user_id=user.pk):
            raise ValueError("a second factor stands already")
        SecondFactor.objects.update_or_create(user=user, defaults={"secret": secret, "last_step": 0, "confirmed_at": None})
    return secret, f"otpauth://totp/Atelier:{quote(user.username)}?secret={secret}&issuer=Atelier"


def second_factor_confirm(*, user_id: int, code: str, at: dt.datetime | None = None) -> bool:
    """The started second factor stands from now on, if `code` is right."""
    now = real(at)
    if not _accepted(user_id, code, now):
        return False
    SecondFactor.objects.filter(pk=user_id, confirmed_at__isnull=True).update(confirmed_at=now)
    return True


def second_factor_stands(*, user_id: int) -> bool:
    """Whether the user has a confirmed second factor."""
    return SecondFactor.objects.filter(pk=user_id, confirmed_at__isnull=False).exists()


def second_factor_check(*, user_id: int, code: str, at: dt.datetime | None = None) -> bool:
    """Whether `code` is right for the confirmed second factor; it counts once."""
    return second_factor_stands(user_id=user_id) and _accepted(user_id, code, real(at))


def second_factor_remove(*, user_id: int) -> bool:
    """The second factor is gone; False if there was none."""
    return bool(SecondFactor.objects.filter(pk=user_id).delete()[0])


def _accepted(user_id: int, code: str, at: dt.datetime) -> bool:
    """Whether `code` fits a step next to `at` later than the last accepted one, which it becomes."""
    factor = SecondFactor.objects.filter(pk=user_id).first()
    if factor is None:
        return False
    now = int(at.timestamp()) // STEP_S
    for step in range(now - SKEW_STEPS, now + SKEW_STEPS + 1):
        if hmac.compare_digest(totp_code(factor.secret, step).encode(), code.strip().encode()):
            return bool(SecondFactor.objects.filter(pk=user_id, last_step__lt=step).update(last_step=step))
    return False
