"""Refunds at Stripe: looked up by our number before they are made, because an idempotency key is forgotten after a day."""

from __future__ import annotations

from typing import Any

import stripe

from payments.gateways.base import RefundOutcome, RefundRequest, RefundStanding, Rejected
from payments.gateways.stripe import standings
from payments.gateways.stripe.calls import calls

REFUSED = "Stripe did not accept the refund."
PAGE = 100


def refund(client: stripe.StripeClient, request: RefundRequest) -> RefundStanding:
    """Source: docs.stripe.com, Create a refund. Metadata carries our number, the idempotency key guards the minutes after a lost answer."""
    known = refund_query(client, request)
    if known.outcome != RefundOutcome.NONE:
        return known
    intent = _intent_of(client, request)
    params: Any = {
        "payment_intent": intent,
        "amount": request.amount_cents,
        "reason": "requested_by_customer",
        "metadata": {"order": str(request.order_uuid), "refund": str(request.refund_uuid)},
    }
    options: Any = {"idempotency_key": f"refund:{request.refund_uuid}"}
    with calls(REFUSED):
        return standings.of_refund(client.v1.refunds.create(params=params, options=options).to_dict())


def refund_query(client: stripe.StripeClient, request: RefundRequest) -> RefundStanding:
    """Source: docs.stripe.com, List all refunds (of the payment): the one that carries our number."""
    intent = _intent_of(client, request)
    with calls(REFUSED):
        listed = client.v1.refunds.list(params={"payment_intent": intent, "limit": PAGE})
        for found in listed.auto_paging_iter():
            standing = standings.of_refund(found.to_dict())
            if standing.refund_uuid == request.refund_uuid:
                return standing
    return RefundStanding(RefundOutcome.NONE, request.refund_uuid, request.order_uuid)


def _intent_of(client: stripe.StripeClient, request: RefundRequest) -> str:
    """The payment that is to give back; asked of the session where the order does not know it. Raises Rejected for an unpaid one."""
    if request.charge_id:
        return request.charge_id
    with calls(REFUSED):
        session = client.v1.checkout.sessions.retrieve(request.external_id) if request.external_id else None
    intent = standings.of_session(session.to_dict()).charge_id if session else ""
    if not intent:
        raise Rejected("Stripe knows no payment of this order.")
    return intent
