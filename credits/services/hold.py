"""Holds: credits set apart for work whose price is known when it is done. Each resolves exactly once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.kernel.sql import fetch_one
from credits.services.wallet import Movement, input_digest


@dataclass(frozen=True, slots=True)
class Held:
    """A hold, its parts by bucket, and the balance (paid + bonus) beside it."""

    hold_id: int
    transaction_id: int
    paid: int
    bonus: int
    balance: int
    replayed: bool


def hold(
    *,
    user_id: int,
    key: str,
    kind: str = "spend",
    ref: str,
    amount: int,
    bonus_first: bool = True,
    api_key_id: int | None = None,
    input_hash: bytes | None = None,
    at: dt.datetime,
) -> Held:
    """`amount` credits are set apart; `kind` is what its capture will be called in the ledger.

    Locks the wallet, then the limit's row. Raises WalletFrozen, InsufficientCredits, BudgetExceeded, IdempotencyConflict.
    """
    row = fetch_one(
        "SELECT * FROM credits_hold(%s::bigint, %s::text, %s::bytea, %s::text, %s::text, %s::bigint, %s::boolean, %s::bigint,"
        " %s::timestamptz)",
        (user_id, key, input_hash or input_digest(kind, ref, amount), kind, ref, amount, bonus_first, api_key_id, at),
    )
    return Held(**row._asdict())


def hold_raise(*, hold_id: int, amount_total: int, at: dt.datetime) -> Held:
    """The hold holds `amount_total` credits from now on; less than it holds changes nothing (`replayed`).

    Locks the wallet. Raises HoldNotFound, HoldResolved, WalletFrozen, InsufficientCredits, BudgetExceeded.
    """
    row = fetch_one("SELECT * FROM credits_hold_raise(%s::bigint, %s::bigint, %s::timestamptz)", (hold_id, amount_total, at))
    return Held(**row._asdict())


def hold_capture(
    *, hold_id: int, amount: int, key: str, at: dt.datetime, to_user_id: int | None = None, share_percent: int = 90
) -> Movement:
    """At most what is held has been charged, the rest given back; with `to_user_id` that user has their share of the charge.

    Locks the wallets in id order. Raises HoldNotFound, HoldResolved (unless the key repeats), IdempotencyConflict.
    """
    row = fetch_one(
        "SELECT * FROM credits_capture(%s::bigint, %s::bigint, %s::text, %s::timestamptz, %s::bigint, %s::int)",
        (hold_id, amount, key, at, to_user_id, share_percent),
    )
    return Movement(**row._asdict())


def hold_release(*, hold_id: int, key: str, at: dt.datetime) -> Movement:
    """All that was held is back in its buckets. Locks the wallet.

    Raises HoldNotFound, HoldResolved (unless the key repeats), IdempotencyConflict.
    """
    row = fetch_one("SELECT * FROM credits_release(%s::bigint, %s::text, %s::timestamptz)", (hold_id, key, at))
    return Movement(**row._asdict())
