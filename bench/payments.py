"""Money coming in: signed notices at a steady rate, and the list of orders with a million behind it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Any

import psycopg

NOTICES_A_SECOND = 100
SECONDS = 15
SENDERS = 32
WEBHOOK_SECRET = "whsec_bench_0123456789abcdef"
ENVIRONMENT = {"STRIPE_SECRET_KEY": "sk_test_bench", "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}
LIST_ROUNDS = 100
PAGE_SIZE = 20
_own = local()


@dataclass(frozen=True, slots=True)
class Pending:
    """An order that waits for its money."""

    uuid: str
    checkout: str
    amount_cents: int
    currency: str


def pending_of(path: Path) -> list[Pending]:
    """The lines that `populate_orders` wrote."""
    rows = (line.split() for line in path.read_text().splitlines())
    return [Pending(number, checkout, int(amount), currency) for number, checkout, amount, currency in rows]


def notices(url: str, database: str, orders: list[Pending]) -> dict[str, Any]:
    """Each order's payment told once by a signed event, at 100 a second whatever the answers take (milliseconds from the planned moment).

    `settled`: how many orders had their credits when their notice was answered; the database is asked right after the last answer.
    """
    chosen = orders[: NOTICES_A_SECOND * SECONDS]
    begin = time.perf_counter() + 0.5
    with ThreadPoolExecutor(SENDERS) as pool:
        seen = list(pool.map(lambda item: _sent(url, begin + item[0] / NOTICES_A_SECOND, item[1]), enumerate(chosen)))
    with psycopg.connect(database) as connection:
        numbers = [order.uuid for order in chosen]
        row = connection.execute(
            "SELECT count(*) FROM payments_order o JOIN credits_transaction t ON t.id = o.transaction_id"
            " WHERE o.uuid = ANY(%s::uuid[]) AND o.status = 'succeeded'",
            (numbers,),
        ).fetchone()
    took = sorted(milliseconds for _, milliseconds in seen)
    return {
        "sent": len(seen),
        "a_second": NOTICES_A_SECOND,
        "accepted": sum(status == 200 for status, _ in seen),
        "settled": row[0] if row else 0,
        "p50_ms": round(statistics.median(took), 1),
        "p95_ms": round(took[int(len(took) * 0.95)], 1),
        "max_ms": round(took[-1], 1),
    }


def lists(url: str, token: str) -> dict[str, float]:
    """Page 1 and page 1,000 of a user's 100,000 orders among a million, in turn: median milliseconds."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    times: dict[int, list[float]] = {1: [], 1000: []}
    for _round in range(LIST_ROUNDS):
        for page, seen in times.items():
            begin = time.perf_counter()
            path = f"/api/v1/credit/recharge/orders?page={page}&page_size={PAGE_SIZE}"
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = json.loads(answer.read())
            seen.append((time.perf_counter() - begin) * 1000)
            if answer.status != 200 or len(body["data"]["items"]) != PAGE_SIZE:
                raise SystemExit(f"page {page} of the orders answered {answer.status} {str(body)[:200]}")
    medians = {page: statistics.median(seen) for page, seen in times.items()}
    return {"page_1_ms": round(medians[1], 2), "page_1000_ms": round(medians[1000], 2), "ratio": round(medians[1000] / medians[1], 2)}


def _sent(url: str, planned: float, order: Pending) -> tuple[int, float]:
    body = _event(order)
    time.sleep(max(0.0, planned - time.perf_counter()))
    connection = getattr(_own, "connection", None)
    if connection is None:
        connection = _own.connection = http.client.HTTPConnection(url.removeprefix("http://"))
    stamp = int(time.time())
    signature = hmac.new(WEBHOOK_SECRET.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={stamp},v1={signature}"}
    connection.request("POST", "/api/payments/webhook/stripe", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, (time.perf_counter() - planned) * 1000


def _event(order: Pending) -> bytes:
    session = {
        "id": order.checkout,
        "object": "checkout.session",
        "client_reference_id": order.uuid,
        "amount_total": order.amount_cents,
        "currency": order.currency.lower(),
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": f"pi_{order.uuid.replace('-', '')}",
        "expires_at": int(time.time()) + 3600,
    }
    event = {
        "id": f"evt_{order.uuid.replace('-', '')}",
        "object": "event",
        "type": "checkout.session.completed",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": session},
    }
    return json.dumps(event).encode()
