"""Notices as Stripe sends them: events signed in Stripe's own scheme, read by the real adapter."""

from __future__ import annotations

import time
from typing import Any

from payments.gateways.base import DisputeOutcome, DisputeStanding, Outcome, RawNotice, RefundOutcome, RefundStanding, Standing
from payments.gateways.sandbox.notices import digest, dump

DISPUTES = {
    DisputeOutcome.OPEN: ("needs_response", ("charge.dispute.created", "charge.dispute.funds_withdrawn")),
    DisputeOutcome.WON: ("won", ("charge.dispute.closed", "charge.dispute.funds_reinstated")),
    DisputeOutcome.LOST: ("lost", ("charge.dispute.closed",)),
}
"""Outcome → Stripe's status, and the events that tell of it."""


def payment(standing: Standing, *, created_s: int, expires_s: int) -> list[RawNotice]:
    """The events about a session that ended so. Times in unix seconds."""
    paid, closed = standing.outcome == Outcome.PAID, standing.outcome in (Outcome.CANCELLED, Outcome.EXPIRED)
    session = {
        "id": standing.external_id,
        "object": "checkout.session",
        "mode": "payment",
        "client_reference_id": str(standing.order_uuid),
        "metadata": {"order": str(standing.order_uuid)},
        "amount_total": standing.amount_cents,
        "currency": standing.currency.lower(),
        "status": "expired" if closed else "complete",
        "payment_status": "paid" if paid else "unpaid",
        "payment_intent": standing.charge_id or None,
        "created": created_s,
        "expires_at": expires_s,
        "livemode": False,
    }
    kinds = ["checkout.session.expired"] if closed else ["checkout.session.completed"]
    if standing.outcome == Outcome.FAILED:
        kinds.append("checkout.session.async_payment_failed")
    return [_event(kind, session, standing.outcome) for kind in kinds]


def refund(standing: RefundStanding, *, paid_cents: int, refunded_cents: int) -> list[RawNotice]:
    """The events about a refund that stands so; `refunded_cents` is all that the payment of `paid_cents` has given back."""
    thing = {
        "id": standing.external_id,
        "object": "refund",
        "amount": standing.amount_cents,
        "currency": standing.currency.lower(),
        "payment_intent": standing.charge_id,
        "metadata": {"order": str(standing.order_uuid), "refund": str(standing.refund_uuid)},
        "status": standing.outcome,
    }
    if standing.outcome == RefundOutcome.FAILED:
        return [_event("refund.failed", thing | {"failure_reason": "lost_or_stolen_card"}, standing.outcome)]
    charge = {
        "id": f"ch_{standing.charge_id[3:]}",
        "object": "charge",
        "amount": paid_cents,
        "amount_refunded": refunded_cents,
        "currency": standing.currency.lower(),
        "payment_intent": standing.charge_id,
        "metadata": {"order": str(standing.order_uuid)},
    }
    return [_event("refund.updated", thing, standing.outcome), _event("charge.refunded", charge, standing.external_id)]


def dispute(standing: DisputeStanding) -> list[RawNotice]:
    """The events about a dispute that stands so; as in life they name the payment intent only, not our order."""
    status, kinds = DISPUTES[standing.outcome]
    due_s = int(standing.evidence_due_at.timestamp()) if standing.evidence_due_at else 0
    thing = {
        "id": standing.external_id,
        "object": "dispute",
        "amount": standing.amount_cents,
        "currency": standing.currency.lower(),
        "payment_intent": standing.charge_id,
        "reason": standing.reason,
        "status": status,
        "evidence_details": {"due_by": due_s},
        "metadata": {},
    }
    return [_event(kind, thing, standing.outcome) for kind in kinds]


def _event(kind: str, thing: dict[str, Any], news: str) -> RawNotice:
    """The same news of the same thing is the same event, however often it is sent."""
    import stripe  # the SDK costs memory; only a process that plays Stripe needs it

    from payments.gateways.stripe.events import webhook_secret

    event = {
        "id": f"evt_{digest(thing['id'], kind, news)}",
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": thing},
    }
    body = dump(event)
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), webhook_secret())
    return RawNotice(body, {"content-type": "application/json", "stripe-signature": header})
