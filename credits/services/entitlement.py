"""Entitlements: what a user may for a time: spends of a name that they do not pay for, so many a day, and `priority` in the queue."""

from __future__ import annotations

import datetime as dt

from config.kernel.sql import fetch_all
from credits.models import Entitlement


def entitlement_set(*, user_id: int, name: str, valid_from: dt.datetime, valid_until: dt.datetime, daily_units: int) -> Entitlement:
    """Spends that name `name` are free for the user in that time, `daily_units` a day (Asia/Shanghai); `priority` puts tasks first.

    It replaces the user's earlier entitlement of that name; what was used today stays used.
    """
    period = {"valid_from": valid_from, "valid_until": valid_until, "daily_units": daily_units}
    return Entitlement.objects.update_or_create(user_id=user_id, name=name, defaults=period)[0]


def entitlement_end(*, user_id: int, name: str, at: dt.datetime) -> bool:
    """The entitlement has ended; False if there was none running."""
    rows = fetch_all(
        "UPDATE credits_entitlement SET valid_until = greatest(valid_from, %s::timestamptz)"
        " WHERE user_id = %s::bigint AND name = %s::text AND valid_until > %s::timestamptz RETURNING id",
        (at, user_id, name, at),
    )
    return bool(rows)
