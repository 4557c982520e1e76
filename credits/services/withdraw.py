"""Coins that leave: into an open withdrawal, and from there back or out as money. All lock the wallet; amounts are hundredths of coins.

A withdrawal is known by its reference: it begins once and ends once, whatever the keys.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.kernel.sql import fetch_one
from credits.services.wallet import input_digest

END = "SELECT * FROM credits_withdraw_end(%s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::text, %s::bigint, %s::timestamptz)"
REVERSE = (
    "SELECT * FROM credits_withdraw_reverse(%s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::text, %s::bigint, %s::timestamptz)"
)


@dataclass(frozen=True, slots=True)
class Leaving:
    """The transaction that moved a withdrawal's coins."""

    transaction_id: int
    replayed: bool


def withdraw_begin(*, user_id: int, key: str, ref: str, hundredths: int, at: dt.datetime) -> Leaving:
    """The coins sit in `coins_leaving`.

    Raises WalletFrozen (also while coins are blocked by a clawback), InsufficientCoins, IdempotencyConflict (also for a second
    withdrawal under `ref`).
    """
    row = fetch_one(
        "SELECT * FROM credits_withdraw_begin(%s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::timestamptz)",
        (user_id, key, input_digest("begin", ref, hundredths), ref, hundredths, at),
    )
    return Leaving(**row._asdict())


def withdraw_return(*, user_id: int, key: str, ref: str, hundredths: int, at: dt.datetime) -> Leaving:
    """The coins are available again, but for those that a lost dispute waited for. Raises WithdrawalNotLeaving, IdempotencyConflict."""
    return _moved(END, user_id, key, ref, hundredths, None, None, at)


def withdraw_pay(*, user_id: int, key: str, ref: str, hundredths: int, channel: str, amount_cents: int, at: dt.datetime) -> Leaving:
    """The coins are gone for `amount_cents` CNY cents out of the channel's cash.

    Raises WithdrawalNotLeaving, SourceUnknown, IdempotencyConflict.
    """
    return _moved(END, user_id, key, ref, hundredths, channel, amount_cents, at)


def withdraw_reverse(*, user_id: int, key: str, ref: str, hundredths: int, channel: str, amount_cents: int, at: dt.datetime) -> Leaving:
    """A paid withdrawal came back: the coins are available again, the money is in the channel's cash.

    Raises WithdrawalNotLeaving (nothing like it was paid), SourceUnknown, IdempotencyConflict.
    """
    return _moved(REVERSE, user_id, key, ref, hundredths, channel, amount_cents, at)


def _moved(
    statement: str, user_id: int, key: str, ref: str, hundredths: int, channel: str | None, amount_cents: int | None, at: dt.datetime
) -> Leaving:
    digest = input_digest("back" if statement == REVERSE else "end", ref, hundredths, channel, amount_cents)
    return Leaving(**fetch_one(statement, (user_id, key, digest, ref, hundredths, channel, amount_cents, at))._asdict())
