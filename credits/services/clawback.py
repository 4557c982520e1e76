"""Clawbacks: what disputed credits became at other users is taken back until the dispute is decided, and given back if it is won.

They lock all wallets that they touch in id order, so call them before anything else that locks a wallet in the same transaction.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.kernel.sql import fetch_one
from credits.services.wallet import input_digest


@dataclass(frozen=True, slots=True)
class Clawed:
    """Credits that were found at others, and hundredths of coins: taken while they matured (`pending`), taken (`coins`),
    waited for while they sit in an open withdrawal (`blocked`), and gone (`lost`)."""

    credits: int
    pending: int
    coins: int
    blocked: int
    lost: int


def clawback(*, payer_id: int, key: str, ref: str, since_transaction_id: int, credits: int, at: dt.datetime) -> Clawed:
    """The coins are taken that at most `credits` paid credits of the payer became at others after that transaction, newest transfers first.

    What another clawback has claimed of a transfer is not claimed again. The same key answers how it stands now. Locks the payer's and
    the recipients' wallets in id order. Raises IdempotencyConflict, also for a second clawback under `ref`.
    """
    row = fetch_one(
        "SELECT * FROM credits_clawback_take(%s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::bigint, %s::timestamptz)",
        (payer_id, key, input_digest("clawback", ref, since_transaction_id, credits), ref, since_transaction_id, credits, at),
    )
    return Clawed(**row._asdict())


def clawback_collect(*, ref: str, at: dt.datetime) -> Clawed:
    """The dispute is lost: what was blocked is taken of the coins that came back meanwhile, the rest is lost.

    Coins that still sit in an open withdrawal stay blocked and are taken when it is returned, lost when it is paid.
    Locks the recipients' wallets. Repeats change nothing.
    """
    return Clawed(**fetch_one("SELECT * FROM credits_clawback_collect(%s::text, %s::timestamptz)", (ref, at))._asdict())


def clawback_restore(*, ref: str, at: dt.datetime) -> Clawed:
    """The dispute is won: all that was taken is back in the same units, with the old dates of maturity; nothing is blocked.

    Locks the payer's and the recipients' wallets. Repeats change nothing.
    """
    return Clawed(**fetch_one("SELECT * FROM credits_clawback_restore(%s::text, %s::timestamptz)", (ref, at))._asdict())
