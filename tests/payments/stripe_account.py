"""What a Stripe account knows and allows (docs.stripe.com, API 2026-10-28): sessions, payments, refunds, disputes, its ledger."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

HALF_HOUR_S, DAY_S = 1800, 86_400
SESSION = re.compile(r"^/v1/checkout/sessions/(cs_test_\w+)(/expire)?$")
REFUND = re.compile(r"^/v1/refunds/(re_\w+)$")
REASONS = {"duplicate", "fraudulent", "requested_by_customer"}


class Refusal(Exception):
    """An error in Stripe's words."""

    def __init__(
        self, status: int, message: str, *, kind: str = "invalid_request_error", param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, "param": param, "code": code}}


def nested(form: str) -> dict[str, Any]:
    """`a[b][0][c]=d` → {"a": {"b": {"0": {"c": "d"}}}}; a key twice is refused as Stripe does."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        parts = [part.rstrip("]") for part in name.split("[")]
        level = found
        for part in parts[:-1]:
            level = level.setdefault(part, {})
        if parts[-1] in level:
            raise Refusal(400, f"Received {name} twice.")
        level[parts[-1]] = value
    return found


class StripeAccount:
    """The account's state, what its API does to it, and what payers, banks and time do to it."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.charges: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.disputes: dict[str, dict[str, Any]] = {}
        self.ledger: list[dict[str, Any]] = []
        self.before_answer: Callable[[dict[str, Any]], None] = lambda _session: None
        self.refunds_begin = "succeeded"
        self.lock = threading.RLock()

    # what the API does

    def act(self, method: str, path: str, form: dict[str, Any]) -> dict[str, Any]:
        """One call of the API. Raises Refusal."""
        match method, path:
            case "POST", "/v1/checkout/sessions":
                return self._create(form)
            case "POST", "/v1/refunds":
                with self.lock:
                    return dict(self._refund(form))
            case "GET", "/v1/refunds":
                rows = [row for row in reversed(self.refunds.values()) if row["payment_intent"] == form.get("payment_intent")]
                return self._page("/v1/refunds", rows, form)
            case "GET", "/v1/balance_transactions":
                return self._page("/v1/balance_transactions", self._ledger_of(form), form)
        if match := REFUND.match(path):
            return dict(self._found(self.refunds, match[1], "refund"))
        if match := SESSION.match(path):
            return self._session(self._found(self.sessions, match[1], "checkout.session"), method, bool(match[2]))
        raise Refusal(404, f"Unrecognized request URL ({method}: {path}).")

    def _found(self, where: dict[str, dict[str, Any]], number: str, what: str) -> dict[str, Any]:
        if number not in where:
            raise Refusal(404, f"No such {what}: '{number}'", param="id", code="resource_missing")
        return where[number]

    def _session(self, session: dict[str, Any], method: str, is_expire: bool) -> dict[str, Any]:
        if is_expire and method == "POST":
            if session["status"] != "open":
                raise Refusal(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
            session.update(status="expired", url=None)
        return dict(session)

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "payment_method_types" in asked:
            raise Refusal(400, "payment_method_types is no longer supported", param="payment_method_types")
        if asked.get("mode") != "payment" or not asked.get("success_url", "").startswith("http"):
            raise Refusal(400, "Missing required param", param="success_url")
        price = asked["line_items"]["0"]["price_data"]
        if price["currency"] != price["currency"].lower() or not price["product_data"]["name"]:
            raise Refusal(400, "Invalid price_data", param="line_items[0][price_data]")
        amount = int(price["unit_amount"]) * int(asked["line_items"]["0"]["quantity"])
        now = int(time.time())
        expires_at = int(asked.get("expires_at", now + DAY_S))
        if amount <= 0 or not now + HALF_HOUR_S <= expires_at <= now + DAY_S:
            raise Refusal(400, "The `expires_at` timestamp must be 30 minutes to 24 hours from now.", param="expires_at")
        number = f"cs_test_{uuid.uuid4().hex}"
        session = {
            "id": number,
            "object": "checkout.session",
            "mode": "payment",
            "status": "open",
            "payment_status": "unpaid",
            "payment_intent": None,
            "amount_total": amount,
            "currency": price["currency"],
            "url": f"https://checkout.stripe.com/c/pay/{number}",
            "client_reference_id": asked.get("client_reference_id"),
            "metadata": asked.get("metadata", {}),
            "created": now,
            "expires_at": expires_at,
            "livemode": False,
            "payment_method_types": ["card"],
            "intent_metadata": asked.get("payment_intent_data", {}).get("metadata", {}),
        }
        self.sessions[number] = session
        self.before_answer(session)
        return dict(session)

    def _refund(self, asked: dict[str, Any]) -> dict[str, Any]:
        charge = next((row for row in self.charges.values() if row["payment_intent"] == asked.get("payment_intent")), None)
        if charge is None:
            raise Refusal(404, "No such payment_intent", param="payment_intent", code="resource_missing")
        if asked.get("reason", "duplicate") not in REASONS:
            raise Refusal(400, "Invalid reason", param="reason")
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(asked.get("amount", left))
        if charge["disputed"]:
            raise Refusal(400, "Charge has been charged back; cannot issue a refund.", code="charge_disputed")
        if not left:
            raise Refusal(400, "Charge has already been refunded.", code="charge_already_refunded")
        if not 0 < amount <= left:
            raise Refusal(400, f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
        refund = {
            "id": f"re_{uuid.uuid4().hex}",
            "object": "refund",
            "amount": amount,
            "currency": charge["currency"],
            "charge": charge["id"],
            "payment_intent": charge["payment_intent"],
            "metadata": asked.get("metadata", {}),
            "reason": asked.get("reason"),
            "status": self.refunds_begin,
            "created": int(time.time()),
        }
        self.refunds[refund["id"]] = refund
        charge.update(amount_refunded=charge["amount_refunded"] + amount, refunded=amount == left)
        self._book("refund", refund, -amount)
        return refund

    def _page(self, url: str, rows: list[dict[str, Any]], form: dict[str, Any]) -> dict[str, Any]:
        """One page of a list, newest first, at most 100 rows."""
        limit = int(form.get("limit", 10))
        if not 1 <= limit <= 100:
            raise Refusal(400, "Invalid limit", param="limit")
        after = form.get("starting_after")
        begin = next((number + 1 for number, row in enumerate(rows) if row["id"] == after), 0)
        return {"object": "list", "url": url, "has_more": begin + limit < len(rows), "data": rows[begin : begin + limit]}

    def _ledger_of(self, form: dict[str, Any]) -> list[dict[str, Any]]:
        created = form.get("created", {})
        begin, end = int(created.get("gte", 0)), int(created.get("lt", 2**40))
        rows = [row for row in reversed(self.ledger) if begin <= row["created"] < end]
        is_full = "data.source" in form.get("expand", {}).values()
        return rows if is_full else [row | {"source": row["source"]["id"]} for row in rows]

    def _book(self, kind: str, source: dict[str, Any], amount: int) -> None:
        """A line of the ledger, in the account's own currency: never the payer's."""
        row = {"id": f"txn_{uuid.uuid4().hex}", "object": "balance_transaction", "type": kind, "amount": amount // 7, "currency": "usd"}
        self.ledger.append(row | {"created": int(time.time()), "source": source})

    # what payers, banks and time do

    def pay(self, number: str, *, later: bool = False) -> dict[str, Any]:
        """The payer submits; `later` money is still on its way."""
        intent = f"pi_{number[8:]}"
        session = self.change(number, status="complete", payment_status="unpaid", payment_intent=intent, url=None)
        return session if later else self.money_comes(number)

    def money_comes(self, number: str) -> dict[str, Any]:
        """The money is there: a charge, and a line in the ledger."""
        session = self.change(number, payment_status="paid")
        charge = {
            "id": f"ch_{number[8:]}",
            "object": "charge",
            "amount": session["amount_total"],
            "amount_refunded": 0,
            "currency": session["currency"],
            "payment_intent": session["payment_intent"],
            "metadata": session.get("intent_metadata", {}),
            "refunded": False,
            "disputed": False,
        }
        self.charges[charge["id"]] = charge
        self._book("charge", charge, charge["amount"])
        return session

    def time_passes(self, number: str) -> dict[str, Any]:
        """The session's time is over."""
        return self.change(number, status="expired", url=None)

    def refund_ends(self, number: str, status: str) -> dict[str, Any]:
        """A refund succeeds, or fails, also after it had succeeded: then its money is back in our balance."""
        refund = self.refunds[number]
        if status == "failed" and refund["status"] != "failed":
            charge = self.charges[refund["charge"]]
            charge.update(amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)
            refund["failure_reason"] = "lost_or_stolen_card"
            self._book("refund_failure", refund, refund["amount"])
        refund["status"] = status
        return dict(refund)

    def refund_at_console(self, intent: str, amount: int) -> dict[str, Any]:
        """Somebody at Stripe's own console gives money back: there is no number of ours."""
        return dict(self._refund({"payment_intent": intent, "amount": amount}))

    def dispute(self, charge_id: str, status: str = "needs_response", amount: int | None = None) -> dict[str, Any]:
        """The payer's bank takes the money back, or (warning_…) only asks."""
        charge = self.charges[charge_id]
        dispute = {
            "id": f"dp_{uuid.uuid4().hex}",
            "object": "dispute",
            "amount": amount or charge["amount"],
            "currency": charge["currency"],
            "charge": charge_id,
            "payment_intent": charge["payment_intent"],
            "reason": "fraudulent",
            "status": status,
            "evidence_details": {"due_by": int(time.time()) + 7 * DAY_S},
            "balance_transactions": [],
            "metadata": {},
        }
        self.disputes[dispute["id"]] = dispute
        return dict(self.dispute_moves(dispute["id"], status))

    def dispute_moves(self, number: str, status: str) -> dict[str, Any]:
        """The dispute is in another state; the money is gone or comes back with it."""
        dispute = self.disputes[number]
        charge, gone = self.charges[dispute["charge"]], dispute["balance_transactions"]
        if status in ("needs_response", "lost") and not gone:
            gone.append({"amount": -dispute["amount"]})
            charge["disputed"] = True
        if status == "won" and len(gone) == 1:
            gone.append({"amount": dispute["amount"]})
        dispute["status"] = status
        return dict(dispute) | {"balance_transactions": list(gone)}

    def change(self, number: str, **what: Any) -> dict[str, Any]:
        """A session is otherwise than before."""
        self.sessions[number].update(what)
        return self.sessions[number]
