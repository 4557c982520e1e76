"""What a user has, and how it came to be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from config.kernel.sql import fetch_all, fetch_one
from credits.states import Bucket, Kind, Unit


@dataclass(frozen=True, slots=True)
class Balance:
    """A wallet in whole credits and hundredths of coins, as every contract shows it.

    `available` is paid + bonus; `spent` is debits less refunds plus what is held; `earned` is available + spent.
    """

    paid: int = 0
    bonus: int = 0
    held: int = 0
    available: int = 0
    spent: int = 0
    earned: int = 0
    coins_pending: int = 0
    coins: int = 0
    coins_leaving: int = 0


WALLET = """
SELECT paid, bonus, held_paid + held_bonus AS held, paid + bonus AS available, spent + held_paid + held_bonus AS spent,
       paid + bonus + spent + held_paid + held_bonus AS earned, coins_pending, coins, coins_leaving {}
FROM credits_wallet WHERE user_id = {}
"""


def balance_of(user_id: int) -> Balance:
    """The user's balance (one statement); all zero without a wallet."""
    row = fetch_one(WALLET.format("", "%s::bigint"), (user_id,))
    return Balance(**row._asdict()) if row else Balance()


def balances_of(user_ids: Sequence[int]) -> dict[int, Balance]:
    """User → their balance (one statement); all zero without a wallet."""
    rows = [row._asdict() for row in fetch_all(WALLET.format(", user_id", "ANY(%s::bigint[])"), (list(user_ids),))]
    return {**dict.fromkeys(user_ids, Balance()), **{row.pop("user_id"): Balance(**row) for row in rows}}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One transaction of a wallet, its buckets summed. `credits` is the change of paid + bonus, `coins` of pending + available.

    The balances are what stood beside it right after; None where the transaction did not touch that unit.
    `position` is the cursor of the next page. `paid_by_other`: somebody else's tip, unlock or fee.
    """

    transaction_id: int
    position: int
    kind: str
    reference: str
    created_at: dt.datetime
    credits: int
    held: int
    coins: int
    credits_balance: int | None
    coins_balance: int | None
    paid_by_other: bool


PAGE = """
SELECT t.id AS transaction_id, min(p.seq) AS position, t.kind, t.reference, t.created_at,
       coalesce(sum(p.amount) FILTER (WHERE p.account IN ('paid', 'bonus')), 0)::bigint AS credits,
       coalesce(sum(p.amount) FILTER (WHERE p.account IN ('held_paid', 'held_bonus')), 0)::bigint AS held,
       coalesce(sum(p.amount) FILTER (WHERE p.account IN ('coins_pending', 'coins')), 0)::bigint AS coins,
       max(p.balance) FILTER (WHERE p.unit = 'credits') AS credits_balance,
       max(p.balance) FILTER (WHERE p.unit = 'coins') AS coins_balance,
       t.user_id <> p.user_id AS paid_by_other
FROM (
  SELECT p.user_id, p.seq, p.transaction_id, p.account, p.unit, p.amount, p.balance
  FROM credits_posting p JOIN credits_transaction t ON t.id = p.transaction_id
  WHERE p.user_id = %s::bigint AND p.seq < %s::bigint AND p.unit = ANY(%s::text[]) AND t.kind = ANY(%s::text[])
  ORDER BY p.seq DESC LIMIT %s::bigint
) p JOIN credits_transaction t ON t.id = p.transaction_id
GROUP BY t.id, p.user_id ORDER BY position DESC LIMIT %s::bigint
"""
LAST = 2**63 - 1


def ledger_page(
    user_id: int,
    *,
    limit: int = 20,
    before: int | None = None,
    kinds: Sequence[str] | None = None,
    units: Sequence[str] = (Unit.CREDITS, Unit.COINS),
) -> list[LedgerRow]:
    """The user's newest transactions whose postings come before `before` (a row's `position`), at most `limit`, newest first.

    One statement, as fast on any page: a transaction has at most one posting a bucket and two that repay a shortfall, so a bounded
    number of postings is read.
    """
    wanted = list(kinds if kinds is not None else Kind.values)
    rows = fetch_all(PAGE, (user_id, LAST if before is None else before, list(units), wanted, limit * (len(Bucket) + 2), limit))
    return [LedgerRow(**row._asdict()) for row in rows]
