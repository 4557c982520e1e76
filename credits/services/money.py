"""Money that comes and goes apart from sales and withdrawals."""

from __future__ import annotations

import datetime as dt

from config.kernel.sql import fetch_one
from credits.services.wallet import input_digest


def money_move(*, user_id: int, key: str, ref: str, channel: str, amount_cents: int, account: str, at: dt.datetime) -> int:
    """`amount_cents` CNY cents are in the channel's cash (below zero: have left it), against `refunds`, `losses` or `payouts`.

    What leaves against `losses` the platform bears itself: it counts as covered in the proof of solvency.
    Returns the transaction's id. Locks the user's wallet. Raises SourceUnknown, IdempotencyConflict.
    """
    row = fetch_one(
        "SELECT credits_money_move(%s::bigint, %s::text, %s::bytea, %s::text, %s::text, %s::bigint, %s::text, %s::timestamptz) AS id",
        (user_id, key, input_digest("money", ref, channel, amount_cents, account), ref, channel, amount_cents, account, at),
    )
    return int(row.id)
