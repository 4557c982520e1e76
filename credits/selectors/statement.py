"""A wallet's transactions by page number, and the income that still matures."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from config.kernel.sql import fetch_all, fetch_one
from credits.selectors.wallet import LedgerRow, ledger_page
from credits.states import Bucket, Unit

COUNTED_EXACTLY = 10_000
MATURING_SHOWN = 100

# One pass gives both the count and the place where the page begins. A transaction has at most one posting a bucket and its
# postings follow each other, so its first one is found among the few before.
ANCHOR = """
SELECT count(*) AS total, (array_agg(s.seq ORDER BY s.seq DESC))[%s::int] AS before FROM (
  SELECT p.seq FROM credits_posting p
  WHERE p.user_id = %s::bigint AND p.unit = %s::text AND p.seq = (
    SELECT min(q.seq) FROM credits_posting q
    WHERE q.user_id = p.user_id AND q.transaction_id = p.transaction_id AND q.unit = p.unit AND q.seq > p.seq - %s::int AND q.seq <= p.seq)
  ORDER BY p.seq DESC LIMIT %s::bigint) s
"""
MATURING = """
SELECT t.kind, m.amount_hundredths, m.matures_at
FROM credits_maturing m JOIN credits_transaction t ON t.id = m.transaction_id
WHERE m.user_id = %s::bigint AND m.settled_by_id IS NULL ORDER BY m.matures_at, m.id LIMIT %s::int
"""


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """One page of a wallet's transactions, newest first; `total` is exact up to 10,000 (or up to the page's end beyond)."""

    rows: list[LedgerRow]
    total: int


@dataclass(frozen=True, slots=True)
class MaturingRow:
    """Coins (hundredths) of one income, the kind of its transaction, and when they become available."""

    kind: str
    amount_hundredths: int
    matures_at: dt.datetime


def ledger_page_numbered(user_id: int, *, page: int, page_size: int, unit: Unit = Unit.CREDITS) -> LedgerPage:
    """Page `page` (from 1) of the user's transactions in `unit`; beyond the end it is empty. Two statements."""
    offset = (page - 1) * page_size
    most = max(COUNTED_EXACTLY, offset + page_size)
    head = fetch_one(ANCHOR, (offset, user_id, unit, len(Bucket), most))
    if offset >= head.total:
        return LedgerPage([], head.total)
    return LedgerPage(ledger_page(user_id, limit=page_size, before=head.before, units=(unit,)), head.total)


def maturing_of(user_id: int, limit: int = MATURING_SHOWN) -> list[MaturingRow]:
    """The user's incomes that still mature, the soonest first (one statement)."""
    return [MaturingRow(*row) for row in fetch_all(MATURING, (user_id, limit))]
