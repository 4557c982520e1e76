"""Stripe's objects in our words: sessions, refunds, charges, disputes (docs.stripe.com, API 2026-10-28)."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from config.kernel.ids import parse_uuid
from payments.gateways.base import DisputeOutcome, DisputeStanding, Outcome, RefundOutcome, RefundStanding, Standing

REFUNDS = {
    "pending": RefundOutcome.PROCESSING,
    "requires_action": RefundOutcome.PROCESSING,
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
    "canceled": RefundOutcome.FAILED,
}
DISPUTES = {
    "warning_needs_response": DisputeOutcome.WARNING,
    "warning_under_review": DisputeOutcome.WARNING,
    "warning_closed": DisputeOutcome.WON,  # an enquiry that never became a charge-back
    "prevented": DisputeOutcome.WON,  # settled before the bank took anything; a refund, if there was one, tells of itself
    "needs_response": DisputeOutcome.OPEN,
    "under_review": DisputeOutcome.OPEN,
    "appeal_needs_response": DisputeOutcome.LOST,  # lost for now: the money stays away unless the appeal is won
    "appeal_under_review": DisputeOutcome.LOST,
    "won": DisputeOutcome.WON,
    "lost": DisputeOutcome.LOST,
}
FUNDS = {"charge.dispute.funds_withdrawn": True, "charge.dispute.funds_reinstated": False}


def of_session(session: dict[str, Any], *, outcome: Outcome | None = None) -> Standing:
    """Where the payment of a Checkout Session stands (The Session object)."""
    return Standing(
        outcome or _outcome_of(session),
        order_uuid=parse_uuid(session.get("client_reference_id") or ""),
        external_id=str(session["id"]),
        charge_id=_id_of(session.get("payment_intent")),
        amount_cents=int(session.get("amount_total") or 0),
        currency=_currency(session),
    )


def of_refund(refund: dict[str, Any]) -> RefundStanding:
    """Where a refund stands (The Refund object); one without our number was made in Stripe's own console."""
    return RefundStanding(
        REFUNDS.get(str(refund.get("status")), RefundOutcome.PROCESSING),
        refund_uuid=_number(refund, "refund"),
        order_uuid=_number(refund, "order") or _number_of_intent(refund),
        external_id=str(refund["id"]),
        charge_id=_id_of(refund.get("payment_intent")),
        amount_cents=int(refund["amount"]),
        currency=_currency(refund),
        text=str(refund.get("failure_reason") or "")[:200],
    )


def of_charge(charge: dict[str, Any], before: dict[str, Any]) -> RefundStanding:
    """What `charge.refunded` says: all that the payment has given back. Which refunds those are, only refunds' own events say.

    `before` is what the event calls `previous_attributes`: `amount_cents` is what this event added.
    """
    total = int(charge["amount_refunded"])
    return RefundStanding(
        RefundOutcome.SUCCEEDED,
        order_uuid=_number(charge, "order"),
        charge_id=_id_of(charge.get("payment_intent")),
        amount_cents=total - int(before.get("amount_refunded") or 0),
        currency=_currency(charge),
        refunded_total_cents=total,
    )


def of_dispute(dispute: dict[str, Any], kind: str) -> DisputeStanding:
    """Where a dispute stands (The Dispute object), and whether its money is gone where event or object say so."""
    due = int((dispute.get("evidence_details") or {}).get("due_by") or 0)
    return DisputeStanding(
        DISPUTES.get(str(dispute["status"]), DisputeOutcome.OPEN),
        external_id=str(dispute["id"]),
        order_uuid=_number_of_intent(dispute),
        charge_id=_id_of(dispute.get("payment_intent")),
        amount_cents=int(dispute["amount"]),
        currency=_currency(dispute),
        reason=str(dispute.get("reason") or "")[:80],
        evidence_due_at=dt.datetime.fromtimestamp(due, dt.UTC) if due else None,
        is_money_gone=FUNDS.get(kind, _is_gone(dispute)),
    )


def _is_gone(dispute: dict[str, Any]) -> bool | None:
    """The dispute's own balance transactions: one takes the money, a second one may give it back."""
    amounts = [int(row["amount"]) for row in dispute.get("balance_transactions") or [] if isinstance(row, dict)]
    return sum(amounts) < 0 if amounts else None


def _outcome_of(session: dict[str, Any]) -> Outcome:
    if session.get("payment_status") in ("paid", "no_payment_required"):
        return Outcome.PAID
    if session.get("status") == "complete":
        return Outcome.PROCESSING
    return Outcome.EXPIRED if session.get("status") == "expired" else Outcome.OPEN


def _number(thing: dict[str, Any], name: str) -> UUID | None:
    """Our number in the metadata of a thing."""
    return parse_uuid(str((thing.get("metadata") or {}).get(name) or ""))


def _number_of_intent(thing: dict[str, Any]) -> UUID | None:
    """Our order in the metadata of the thing's payment intent, where Stripe sends that along in full."""
    intent = thing.get("payment_intent")
    return _number(intent, "order") if isinstance(intent, dict) else None


def _id_of(reference: Any) -> str:
    """The id of an expandable field."""
    return str(reference.get("id") if isinstance(reference, dict) else reference or "")


def _currency(thing: dict[str, Any]) -> str:
    return str(thing.get("currency") or "").upper()
