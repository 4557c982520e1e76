"""The proof of the books: everything that is cached, chained, held, promised or owed is computed again from the postings."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import transaction

from config.kernel.sql import fetch_all, fetch_one
from credits.rates import CREATOR_SHARE_PERCENT

logger = logging.getLogger(__name__)

CHECKS = Path(__file__).resolve().parent.parent / "sql" / "check"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in the books that is not as the postings say."""

    check: str
    subject: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.check}: {self.subject}: expected {self.expected}, found {self.found}"


def check_books(at: dt.datetime) -> list[Difference]:
    """All differences between the postings and what is kept beside them; empty: the books balance, as of `at`.

    Reads only, locks nothing: each check is one statement, so it may run beside spends.
    """
    with transaction.atomic():
        fetch_all("SET LOCAL statement_timeout = 0")  # the books of years take longer than a request may
        found = [*_journal(), *_insolvency()]
    logger.log(logging.ERROR if found else logging.INFO, "books checked at %s: %d differences", at.isoformat(), len(found))
    return found


def _journal() -> Iterator[Difference]:
    for name, statement in _checks():
        for row in fetch_all(statement):
            yield Difference(name, str(row.subject), str(row.expected), str(row.found))


@cache
def _checks() -> tuple[tuple[str, str], ...]:
    return tuple((path.stem.partition("_")[2], path.read_text()) for path in sorted(CHECKS.glob("*.sql")))


SOLVENCY = """
SELECT (SELECT coalesce(sum(coins_pending + coins + coins_leaving), 0) FROM credits_wallet)::bigint AS coins,
       (SELECT coalesce(sum(paid + held_paid), 0) FROM credits_wallet)::bigint AS paid,
       (SELECT coalesce(sum(shortfall + bonus_instead - repaid_paid), 0) FROM credits_takeback
        WHERE restored_by_id IS NULL)::bigint AS unpaid,
       (SELECT coalesce(sum(amount), 0) FROM credits_posting
        WHERE unit = 'cny' AND (starts_with(account, 'cash:') OR account = 'losses'))::bigint AS covered
"""
"""`unpaid`: paid credits whose money went back and which were not taken back as such: still owed, or bonus stood in for them."""


def _insolvency() -> Iterator[Difference]:
    """Coins at the payout rate and paid credits at creator's share of the floor price never exceed net cash and what the platform bears.

    Paid credits that a wallet owes count against them: their money went back, what they bought is still there.
    """
    row = fetch_one(SOLVENCY)
    scale = 100 * settings.COINS_PER_CNY
    owed = row.coins * 100 + (row.paid - row.unpaid) * CREATOR_SHARE_PERCENT * settings.FLOOR_PRICE_CENTS * settings.COINS_PER_CNY
    if owed > row.covered * scale:
        owed_cents = -(-owed // scale)
        yield Difference("solvency", "CNY cents", f"at least {owed_cents} of net cash", str(row.covered))
