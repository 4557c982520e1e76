"""A wallet's transactions of some kinds by page number, in either order, and what was used since a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from config.kernel import clock
from config.kernel.sql import fetch_all, fetch_one
from credits.selectors.statement import COUNTED_EXACTLY, LedgerPage
from credits.selectors.wallet import LedgerRow, ledger_page
from credits.states import Bucket, Unit

EVERY_ROW = 2**62
# As in `statement.ANCHOR`: one pass gives both the count and the place where the page begins.
ANCHOR = """
SELECT count(*) AS total, (array_agg(s.seq ORDER BY s.seq DESC))[%s::int] AS before FROM (
  SELECT p.seq FROM credits_posting p JOIN credits_transaction t ON t.id = p.transaction_id AND t.kind = ANY(%s::text[])
  WHERE p.user_id = %s::bigint AND p.unit = 'credits' AND p.seq = (
    SELECT min(q.seq) FROM credits_posting q
    WHERE q.user_id = p.user_id AND q.transaction_id = p.transaction_id AND q.unit = p.unit AND q.seq > p.seq - %s::int AND q.seq <= p.seq)
  ORDER BY p.seq DESC LIMIT %s::bigint) s
"""
USED = """
SELECT coalesce(-sum(p.amount) FILTER (WHERE coalesce(o.created_at, t.created_at) >= %s::timestamptz), 0)::bigint AS day,
       coalesce(-sum(p.amount), 0)::bigint AS month
FROM credits_posting p JOIN credits_transaction t ON t.id = p.transaction_id
LEFT JOIN credits_transaction o ON o.id = t.reverses_id
WHERE p.user_id = %s::bigint AND t.user_id = p.user_id AND p.unit = 'credits' AND t.created_at >= %s::timestamptz
  AND coalesce(o.created_at, t.created_at) >= %s::timestamptz AND t.kind IN ('spend', 'refund', 'tip', 'unlock', 'remix')
"""

HELD = """
SELECT w.held_paid + w.held_bonus AS held, coalesce(s.slot, 0) AS slot, coalesce(s.amount, 0)::bigint AS amount
FROM credits_wallet w LEFT JOIN (
  SELECT width_bucket(p.seq, %s::bigint[]) AS slot, sum(p.amount) AS amount FROM credits_posting p
  WHERE p.user_id = %s::bigint AND p.seq >= %s::bigint AND p.account IN ('held_paid', 'held_bonus') GROUP BY 1) s ON true
WHERE w.user_id = %s::bigint
"""


def records_page(user_id: int, *, kinds: Sequence[str], page: int, page_size: int, ascending: bool = False) -> LedgerPage:
    """Page `page` (from 1) of the user's transactions of `kinds` in credits, newest first or last; beyond the end it is empty.

    `total` is exact up to 10,000 (or up to the page's end beyond), always when ascending. At most three statements.
    """
    offset = (page - 1) * page_size
    total, before = _anchor(user_id, kinds, offset, EVERY_ROW if ascending else max(COUNTED_EXACTLY, offset + page_size))
    size = min(page_size, total - offset)
    if size <= 0:
        return LedgerPage([], total)
    if ascending:
        offset = total - offset - size
        _, before = _anchor(user_id, kinds, offset, EVERY_ROW)
    rows = ledger_page(user_id, limit=size, before=before if offset else None, kinds=kinds, units=(Unit.CREDITS,))
    return LedgerPage(rows[::-1] if ascending else rows, total)


def _anchor(user_id: int, kinds: Sequence[str], offset: int, most: int) -> tuple[int, int | None]:
    """How many there are, up to `most`, and the position of the last one before `offset`."""
    row = fetch_one(ANCHOR, (offset, list(kinds), user_id, len(Bucket), most))
    return row.total, row.before


def held_after(user_id: int, rows: Sequence[LedgerRow]) -> dict[int, int]:
    """Transaction → the credits that were held right after it, of transactions of the user's wallet. One statement.

    What is held now, less what the transactions since have moved in or out of it.
    """
    newest_last = sorted(rows, key=lambda row: row.position)
    if not newest_last:
        return {}
    positions = [row.position for row in newest_last]
    found = fetch_all(HELD, (positions, user_id, positions[0], user_id))
    moved, held, after = {row.slot: row.amount for row in found}, found[0].held if found else 0, {}
    for slot in range(len(positions), 0, -1):
        row = newest_last[slot - 1]
        held -= moved.get(slot, 0)
        after[row.transaction_id] = held + row.held
    return after


def used_of(user_id: int, at: dt.datetime) -> tuple[int, int]:
    """The credits that left for good today and this month (Asia/Shanghai); what is held counts once spent.

    What came back is taken off the day on which it had left, not the day of its return.
    """
    day = at.astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    row = fetch_one(USED, (day, user_id, month, month))
    return row.day, row.month
