"""What happens to a wallet when its user comes and goes: the sign-up gift, and the end."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError, transaction

from accounts.models import ErasedIdentity
from config.kernel import clock
from config.kernel.errors import DomainError
from config.kernel.sql import fetch_one
from credits.services.wallet import grant, wallet_open

logger = logging.getLogger(__name__)

SIGN_UP_CAMPAIGN = "sign-up"
SIGN_UP_CREDITS = 100


def sign_up_gift(*, user_id: int, number: int, payload: dict[str, Any]) -> None:
    """Reaction to `user.created`: the wallet stands, and the campaign `sign-up` has paid its gift, once for ever.

    A user who comes back after an erasure (`returning`, or one of `identity_digests` is an erased one) is paid nothing.
    Neither an exhausted campaign nor a lock that was not to be had fails the sign-up.
    """
    wallet_open(user_id=user_id)
    if payload.get("returning") or _is_erased(payload.get("identity_digests") or []):
        return
    try:
        with transaction.atomic():
            grant(
                user_id=user_id,
                key="gift:sign-up",
                kind="gift",
                ref=SIGN_UP_CAMPAIGN,
                bonus=SIGN_UP_CREDITS,
                source=f"campaign:{SIGN_UP_CAMPAIGN}",
                at=clock.now(),
            )
    except (DomainError, DatabaseError):
        logger.exception("the sign-up gift of user %s was not paid", user_id)


def _is_erased(digests: list[str]) -> bool:
    return ErasedIdentity.objects.filter(digest__in=[bytes.fromhex(digest) for digest in digests]).exists() if digests else False


def forfeit(*, user_id: int, number: int, payload: dict[str, Any]) -> None:
    """Reaction to `user.erased`: the user's credits and coins went to `losses`; open holds resolve with their tasks."""
    fetch_one("SELECT credits_forfeit(%s::bigint, %s::timestamptz)", (user_id, clock.now()))
