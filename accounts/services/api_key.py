"""API keys: made, shown once, revoked. The spend limit of a key is kept by `credits`, which reacts to `apikey.created`."""

from __future__ import annotations

import base64
import datetime as dt
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from accounts.exceptions import UserNotFound
from accounts.models import ApiKey, User
from accounts.services.authentication import PERSONAL_KEY_PREFIX
from accounts.services.event import event_append
from accounts.services.token import real
from config.kernel.errors import InvalidInput, NotAllowed, NotFound
from config.kernel.ids import digest, secret_token

APPLICATION_KEY_PREFIX = "app_"
SCOPES = ("generation", "tasks", "profile", "payments")
"""What a personal key may be allowed: creating tasks, reading and steering them, reading the account, ordering."""
KEYS_MAX = 50


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key and its webhook secret, in clear for the only time."""

    id: int
    key: str
    webhook_secret: str


def webhook_secret() -> str:
    """A new secret of the Standard Webhooks scheme: `whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def api_key_create(
    *,
    user_id: int,
    name: str,
    scopes: Iterable[str] = SCOPES,
    budget_day_credits: int | None = None,
    budget_total_credits: int | None = None,
    is_application: bool = False,
    at: dt.datetime | None = None,
) -> NewKey:
    """A key stands, of which only the SHA-256 is kept; event `apikey.created` (credits writes its spend limit from it).

    An application's key is an operator's. Locks the owner's row. Raises InvalidInput, NotAllowed, UserNotFound.
    """
    allowed = _scopes(scopes)
    _judge(name, budget_day_credits, budget_total_credits)
    key = secret_token(APPLICATION_KEY_PREFIX if is_application else PERSONAL_KEY_PREFIX)
    secret = webhook_secret()
    with transaction.atomic():
        _judge_owner(user_id, is_application)
        row = ApiKey.objects.create(
            user_id=user_id,
            name=name,
            prefix=key[:10],
            digest=digest(key),
            is_application=is_application,
            scopes=allowed,
            webhook_secret=secret,
            budget_day_credits=budget_day_credits,
            budget_total_credits=budget_total_credits,
            created_at=real(at),
        )
        budgets = {"budget_day_credits": budget_day_credits, "budget_total_credits": budget_total_credits}
        event_append(user_id=user_id, kind="apikey.created", payload={"api_key_id": row.pk, "name": name, **budgets})
    return NewKey(row.pk, key, secret)


def _scopes(scopes: Iterable[str]) -> list[str]:
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise InvalidInput.field("scopes", f"choose from {', '.join(SCOPES)}")
    return wanted


def _judge(name: str, *budgets: int | None) -> None:
    if not 1 <= len(name.strip()) <= 64 or not name.isprintable():
        raise InvalidInput.field("name", "a name has 1 to 64 printable characters")
    if any(budget is not None and not 0 <= budget <= 2_000_000_000 for budget in budgets):
        raise InvalidInput.field("budget", "a budget is a whole number of credits from 0")


def _judge_owner(user_id: int, is_application: bool) -> None:
    owner = User.objects.select_for_update(no_key=True).filter(pk=user_id, erased_at__isnull=True).first()
    if owner is None:
        raise UserNotFound()
    if is_application and not owner.is_staff:
        raise NotAllowed()
    if ApiKey.objects.filter(user_id=user_id, revoked_at__isnull=True).count() >= KEYS_MAX:
        raise InvalidInput.field("name", f"at most {KEYS_MAX} keys; revoke one first")


def api_key_revoke(*, user_id: int, api_key_id: int, at: dt.datetime | None = None) -> None:
    """The user's key is refused from the next request on; revoking it again changes nothing. Raises NotFound for another's."""
    with transaction.atomic():
        if ApiKey.objects.filter(pk=api_key_id, user_id=user_id, revoked_at__isnull=True).update(revoked_at=real(at)):
            event_append(user_id=user_id, kind="apikey.revoked", payload={"api_key_id": api_key_id})
        elif not ApiKey.objects.filter(pk=api_key_id, user_id=user_id).exists():
            raise NotFound()


def webhook_secret_renew(*, user_id: int, api_key_id: int) -> str:
    """The key signs webhooks with a new secret, returned for the only time. Raises NotFound for another's or a revoked key."""
    row = ApiKey.objects.filter(pk=api_key_id, user_id=user_id, revoked_at__isnull=True).first()
    if row is None:
        raise NotFound()
    row.webhook_secret = webhook_secret()
    row.save(update_fields=["webhook_secret"])
    return row.webhook_secret
