"""`manage.py populate_orders`: a million orders by COPY beside what `populate` made, and pending ones for the gateway to pay."""

from __future__ import annotations

import datetime as dt
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts.models import User
from config.kernel import clock
from payments.models import Order
from payments.services.catalogue import Terms, terms_of_product

LISTED_SHARE = 10
"""One order in so many belongs to the first user, whose list is measured."""
COLUMNS = (
    "uuid", "user_id", "product_id", "contract", "kind", "channel", "method", "is_sandbox", "status", "title", "amount_cents", "currency",
    "value_cents", "paid_credits", "bonus_credits", "bonus_source", "external_id", "charge_id", "payment_url", "code_url", "pay_params",
    "payer_id", "return_url", "idempotency_key", "input_hash", "failure", "refunded_cents", "taken_paid", "taken_bonus", "created_at",
    "updated_at", "expires_at",
)  # fmt: skip


class Command(BaseCommand):
    help = "Fill a populated database with orders that expired unpaid (no money moved), and some that wait for Stripe."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=int, default=1_000_000)
        parser.add_argument("--pending", type=int, default=2_000)
        parser.add_argument("--pending-file", type=Path, help="Write `uuid checkout amount currency` lines of the pending ones here.")

    def handle(self, *_args: Any, orders: int, pending: int, pending_file: Path | None, **_options: Any) -> None:
        users = list(User.objects.filter(username__startswith="load-").order_by("pk").values_list("pk", flat=True))
        if not users:
            raise CommandError("run `populate` first")
        now = clock.real_now()
        lines = []
        terms = terms_of_product(contract="video", slug="standard")
        with connection.cursor() as cursor, cursor.copy(f"COPY payments_order ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for number in range(orders):
                user_id = users[0] if number % LISTED_SHARE == 0 else users[number % len(users)]
                copy.write_row(_row(terms, user_id, "expired", now - dt.timedelta(seconds=orders - number)))
            for number in range(pending):
                row = _row(terms, users[number % len(users)], "pending", now)
                copy.write_row(row)
                facts = dict(zip(COLUMNS, row, strict=True))
                lines.append(f"{facts['uuid']} {facts['external_id']} {facts['amount_cents']} {facts['currency']}\n")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) payments_order")
        if pending_file:
            pending_file.write_text("".join(lines))
        self.stdout.write(f"{orders} orders, {pending} pending")


def _row(terms: Terms, user_id: int, status: str, at: dt.datetime) -> tuple[Any, ...]:
    number = uuid.uuid4()
    return (
        number, user_id, terms.product_id, terms.contract, terms.kind, Order.Channel.STRIPE, Order.Method.CHECKOUT, False, status,
        terms.title, terms.amount_cents, terms.currency, terms.value_cents, terms.paid_credits, terms.bonus_credits, terms.bonus_source,
        f"cs_test_{number.hex}", "", "", "", "{}", "", "", str(number), b"0" * 32, "", 0, 0, 0, at, at, at + dt.timedelta(days=1),
    )  # fmt: skip
