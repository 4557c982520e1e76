"""Wallets: every movement of credits is one function of the database, called here in one round trip.

All functions take an idempotency key, unique per owner: the same key and input answer the first result again
(`replayed`), another input raises IdempotencyConflict. Amounts are whole credits, coins are hundredths, `at` is business time.
Any of them may raise DatabaseUnavailable (retryable: a lock was not to be had).
Credits that come into a wallet that owes some (`shortfall`) repay them first; what a function answers as `paid` and `bonus` is what
came in, its `balance` is what was left.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from config.kernel.sql import fetch_all, fetch_one
from credits.models import Wallet


@dataclass(frozen=True, slots=True)
class Movement:
    """What one transaction moved in its owner's wallet, and the balance (paid + bonus) that it left.

    `charged` is what it cost the owner. `transaction_id` None: an exhausted campaign gave nothing.
    """

    transaction_id: int | None
    paid: int
    bonus: int
    balance: int
    charged: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a payer gave (`paid`, `bonus`) and a creator received (pending coins in hundredths, bonus credits)."""

    transaction_id: int
    paid: int
    bonus: int
    balance: int
    coins_hundredths: int
    bonus_received: int
    replayed: bool


def input_digest(*parts: object) -> bytes:
    """SHA-256 of an operation's input: what a repeated idempotency key is compared by."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()


def wallet_open(*, user_id: int) -> None:
    """The user has a wallet; an open one stays as it is."""
    fetch_one("SELECT credits_wallet_open(%s::bigint)", (user_id,))


def spend(
    *,
    user_id: int,
    key: str,
    kind: str = "spend",
    ref: str,
    amount: int,
    bonus_first: bool = True,
    api_key_id: int | None = None,
    entitlement: str | None = None,
    input_hash: bytes | None = None,
    at: dt.datetime,
) -> Movement:
    """The owner has paid `amount`, or one unit of `entitlement` if it is theirs; an API key's budget was obeyed.

    Locks the wallet, then the limit's row. Raises WalletFrozen, InsufficientCredits, BudgetExceeded, IdempotencyConflict.
    """
    row = fetch_one(
        "SELECT * FROM credits_spend(%s::bigint, %s::text, %s::bytea, %s::text, %s::text, %s::bigint, %s::boolean, %s::bigint,"
        " %s::text, %s::timestamptz)",
        (user_id, key, input_hash or input_digest(kind, ref, amount), kind, ref, amount, bonus_first, api_key_id, entitlement, at),
    )
    return Movement(**row._asdict())


def pay(*, user_id: int, key: str, ref: str, amount: int, at: dt.datetime) -> Movement:
    """The owner has paid `amount` paid credits; `refund` can give them back. Locks the wallet.

    Raises WalletFrozen, InsufficientCredits (bonus does not count), IdempotencyConflict.
    """
    row = fetch_one(
        "SELECT * FROM credits_pay(%s::bigint, %s::text, %s::bytea, %s::text, %s::bigint, %s::timestamptz)",
        (user_id, key, input_digest("pay", ref, amount), ref, amount, at),
    )
    return Movement(**row._asdict())


def refund(*, user_id: int, key: str, spend_key: str, at: dt.datetime) -> Movement:
    """The spend made under `spend_key` is given back to the buckets it came from, with its budget: once for ever, whatever the key.

    A spend that was given back before answers that first refund (`replayed`). Locks the wallet. Raises SpendNotFound.
    """
    row = fetch_one("SELECT * FROM credits_refund(%s::bigint, %s::text, %s::text, %s::timestamptz)", (user_id, key, spend_key, at))
    return Movement(**row._asdict())


def grant(
    *,
    user_id: int,
    key: str,
    kind: str,
    ref: str,
    paid: int = 0,
    bonus: int = 0,
    source: str,
    input_hash: bytes | None = None,
    at: dt.datetime,
) -> Movement:
    """The user has more credits out of `source`: `campaign:<slug>` or `sales` (bonus only), `losses` or `refunds`.

    An exhausted campaign gives nothing (`transaction_id` None) and is no error. Locks the wallet, the campaign last.
    Raises SourceUnknown, PaidWithoutSale, IdempotencyConflict.
    """
    row = fetch_one(
        "SELECT *, 0::bigint AS charged FROM credits_grant(%s::bigint, %s::text, %s::bytea, %s::text, %s::text, %s::bigint, %s::bigint,"
        " %s::text, %s::timestamptz)",
        (user_id, key, input_hash or input_digest(kind, ref, paid, bonus, source), kind, ref, paid, bonus, source, at),
    )
    return Movement(**row._asdict())


def transfer(
    *,
    from_user_id: int,
    to_user_id: int,
    key: str,
    kind: str,
    ref: str,
    amount: int,
    share_percent: int = 90,
    input_hash: bytes | None = None,
    at: dt.datetime,
) -> Transfer:
    """The payer gave `amount`, paid credits first; the creator has their share: coins (pending) of the paid part, bonus of the rest.

    Locks both wallets in id order. Raises WalletFrozen (the payer's), InsufficientCredits (bonus counts only where
    it is free), SelfTransfer, IdempotencyConflict.
    Source: contracts/README.md, "Paid and bonus credits".
    """
    row = fetch_one(
        "SELECT * FROM credits_transfer(%s::bigint, %s::bigint, %s::text, %s::bytea, %s::text, %s::text, %s::bigint, %s::int,"
        " %s::timestamptz)",
        (from_user_id, to_user_id, key, input_hash or input_digest(to_user_id, kind, ref, amount), kind, ref, amount, share_percent, at),
    )
    return Transfer(**row._asdict())


def mature(*, at: dt.datetime, batch: int = 200) -> int:
    """Pending coins whose time has come are available. Returns how many wallets moved; call it until that is 0."""
    return int(fetch_one("SELECT credits_mature(%s::timestamptz, %s::int) AS wallets", (at, batch)).wallets)


def bonus_free(*, user_id: int) -> None:
    """The user's bonus credits may leave by tips, unlocks and fees: an order was settled or a phone or outside identity proven."""
    wallet_open(user_id=user_id)
    Wallet.objects.filter(pk=user_id, bonus_is_free=False).update(bonus_is_free=True)


def pays_pending_until(*, user_id: int, until: dt.datetime) -> None:
    """Coins that this user pays mature no earlier than `until` (a card order can still be charged back); never moved back."""
    fetch_all(
        "UPDATE credits_wallet SET pays_pending_until = greatest(pays_pending_until, %s::timestamptz) WHERE user_id = %s::bigint",
        (until, user_id),
    )
