"""Take-backs: credits that their buyer has to give back because the money went back, and wallets frozen by disputes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import F

from config.kernel.sql import fetch_one
from credits.models import Wallet
from credits.services.wallet import Movement, input_digest, wallet_open


@dataclass(frozen=True, slots=True)
class Takeback:
    """Credits that were taken, those that are owed since (`shortfall`), and the balance (paid + bonus) that was left."""

    takeback_id: int
    transaction_id: int
    paid: int
    bonus: int
    shortfall: int
    balance: int
    replayed: bool


def takeback(*, user_id: int, key: str, ref: str, paid: int, bonus: int, may_owe: bool, at: dt.datetime) -> Takeback:
    """`paid` paid credits and at most `bonus` bonus ones are taken.

    With `may_owe` bonus stands in for paid ones that are gone, and what is missing then is owed: repaid by the next credits that come
    in, before anything else, while the wallet is frozen. Locks the wallet.
    Raises RefundExceedsUnspent (without `may_owe`), IdempotencyConflict. Source: design.md, "The books".
    """
    row = fetch_one(
        "SELECT * FROM credits_takeback_take(%s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::bigint, %s::boolean,"
        " %s::timestamptz)",
        (user_id, key, input_digest("takeback", ref, paid, bonus, may_owe), ref, paid, bonus, may_owe, at),
    )
    return Takeback(**row._asdict())


def takeback_restore(*, takeback_id: int, key: str, at: dt.datetime) -> Movement:
    """All that was taken or repaid is back in the buckets it came from and nothing of it is owed: once for ever, whatever the key.

    Another open shortfall of the wallet is repaid out of it. Locks the wallet. Raises TakebackNotFound, IdempotencyConflict.
    """
    row = fetch_one("SELECT * FROM credits_takeback_restore(%s::bigint, %s::text, %s::timestamptz)", (takeback_id, key, at))
    return Movement(**row._asdict())


def wallet_freeze(*, user_id: int) -> None:
    """One more open dispute freezes the wallet: no spend, hold, transfer or withdrawal. Every call counts."""
    wallet_open(user_id=user_id)
    Wallet.objects.filter(pk=user_id).update(disputes=F("disputes") + 1)


def wallet_unfreeze(*, user_id: int) -> None:
    """One open dispute fewer; the last one frees the wallet. Raises IntegrityError when none was counted."""
    Wallet.objects.filter(pk=user_id).update(disputes=F("disputes") - 1)
