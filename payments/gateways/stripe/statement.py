"""A day at Stripe, line by line.

Balance transactions are listed, by `created`, with their source in full. They are Stripe's own ledger: a line is never changed
afterwards, and it stands on the day on which the money moved. Charges by `created` would put money that came later (bank debits) on the
day on which it was begun. A transaction's own amount is in the account's settlement currency; its source has the payer's amount and
currency, and our numbers.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import stripe

from config.kernel.ids import parse_uuid
from payments.gateways.base import StatementLine
from payments.gateways.stripe.calls import calls

PAGE = 100
PAYMENTS = frozenset({"charge", "payment"})
REFUNDS = frozenset({"refund", "payment_refund"})


def statement(client: stripe.StripeClient, day: dt.date) -> list[StatementLine]:
    """Payments and refunds that moved on `day` (UTC, as Stripe counts). Source: docs.stripe.com, List all balance transactions."""
    begin = dt.datetime.combine(day, dt.time(), dt.UTC)
    params: Any = {
        "created": {"gte": int(begin.timestamp()), "lt": int((begin + dt.timedelta(days=1)).timestamp())},
        "limit": PAGE,
        "expand": ["data.source"],
    }
    with calls("Stripe gave no list of the day."):
        rows = [row.to_dict() for row in client.v1.balance_transactions.list(params=params).auto_paging_iter()]
    return [_line(row) for row in rows if row["type"] in PAYMENTS | REFUNDS and isinstance(row.get("source"), dict)]


def _line(row: dict[str, Any]) -> StatementLine:
    source = row["source"]
    is_payment = row["type"] in PAYMENTS
    number = parse_uuid(str((source.get("metadata") or {}).get("order" if is_payment else "refund") or ""))
    intent = source.get("payment_intent")
    external_id = (intent if is_payment and isinstance(intent, str) else "") or source["id"]
    return StatementLine(
        "payment" if is_payment else "refund",
        number.hex if number else "",
        str(external_id),
        int(source["amount"]),
        str(source["currency"]).upper(),
    )
