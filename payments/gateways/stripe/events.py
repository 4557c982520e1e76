"""Stripe's events and sessions in our words."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import stripe
from django.conf import settings

from config.kernel.ids import parse_uuid
from payments.gateways.base import Outcome, RawNotice, Standing, Unproven, VerifiedNotice

TOLERANCE_S = 300
CLOCK_SKEW_S = 60
SESSION_EVENTS = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
}
"""The events of this platform; others of the account are stored and left alone."""


def webhook_secret() -> str:
    """The secret of the webhook endpoint; in demo mode one of our own, so that the sandbox signs as Stripe does."""
    if settings.STRIPE_WEBHOOK_SECRET or not settings.DEMO:
        return settings.STRIPE_WEBHOOK_SECRET
    return "whsec_" + hmac.new(settings.SECRET_KEY.encode(), b"sandbox:stripe", hashlib.sha256).hexdigest()


def proven(notice: RawNotice, secret: str) -> VerifiedNotice:
    """The event of a notice whose signature holds. Raises Unproven."""
    try:
        stripe.Webhook.construct_event(notice.body, notice.headers.get("stripe-signature", ""), secret, TOLERANCE_S, api_key="none")
    except stripe.SignatureVerificationError as error:
        raise Unproven("The signature does not match, or is too old.") from error
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise Unproven("The body or the signature header cannot be read.") from error
    return read(notice.body)


def read(body: bytes) -> VerifiedNotice:
    """What an event's body says. Raises Unproven if it is no event."""
    try:
        event = json.loads(body)
        kind, number, subject = str(event["type"]), str(event["id"]), event["data"]["object"]
        standing = _standing_by_event(event, kind, subject) if kind in SESSION_EVENTS else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unproven("The body is no Stripe event.") from error
    return VerifiedNotice(number[:255], kind[:80], standing)


def standing_of(session: dict[str, Any], *, outcome: Outcome | None = None) -> Standing:
    """Where the payment of a Checkout Session stands (docs.stripe.com, The Session object)."""
    intent = session.get("payment_intent")
    return Standing(
        outcome or _outcome_of(session),
        order_uuid=parse_uuid(session.get("client_reference_id") or ""),
        external_id=str(session["id"]),
        charge_id=str(intent.get("id") if isinstance(intent, dict) else intent or ""),
        amount_cents=int(session.get("amount_total") or 0),
        currency=str(session.get("currency") or "").upper(),
    )


def _outcome_of(session: dict[str, Any]) -> Outcome:
    if session.get("payment_status") in ("paid", "no_payment_required"):
        return Outcome.PAID
    if session.get("status") == "complete":
        return Outcome.PROCESSING
    return Outcome.EXPIRED if session.get("status") == "expired" else Outcome.OPEN


def _standing_by_event(event: dict[str, Any], kind: str, session: dict[str, Any]) -> Standing:
    """An unpaid `completed` is only the beginning (bank debits, WeChat Pay): the money comes with a later event."""
    match kind:
        case "checkout.session.async_payment_failed":
            return standing_of(session, outcome=Outcome.FAILED)
        case "checkout.session.expired":
            closed_early = int(event["created"]) < int(session["expires_at"]) - CLOCK_SKEW_S
            return standing_of(session, outcome=Outcome.CANCELLED if closed_early else Outcome.EXPIRED)
        case _:
            return standing_of(session)
