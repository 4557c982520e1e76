"""Stripe's events: proven by signature, age, account and mode, then read in our words."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import stripe
from django.conf import settings

from payments.gateways.base import Outcome, RawNotice, Subject, Unproven, VerifiedNotice
from payments.gateways.stripe import standings

TOLERANCE_S = 300
CLOCK_SKEW_S = 60
SESSION_EVENTS = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
}
REFUND_EVENTS = {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
DISPUTE_EVENTS = {f"charge.dispute.{what}" for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")}
"""The events of this platform; others of the account are stored and left alone."""


def webhook_secret() -> str:
    """The secret of the webhook endpoint; in demo mode one of our own, so that the sandbox signs as Stripe does."""
    if settings.STRIPE_WEBHOOK_SECRET or not settings.DEMO:
        return settings.STRIPE_WEBHOOK_SECRET
    return "whsec_" + hmac.new(settings.SECRET_KEY.encode(), b"sandbox:stripe", hashlib.sha256).hexdigest()


def proven(notice: RawNotice, secret: str, *, is_live: bool) -> VerifiedNotice:
    """The event of a notice whose signature holds and that is of our own account's mode (live or test). Raises Unproven."""
    header = notice.headers.get("stripe-signature", "")
    try:
        stripe.Webhook.construct_event(notice.body, header, secret, TOLERANCE_S, api_key="none")
    except stripe.SignatureVerificationError as error:
        is_old = "tolerance" in str(error)  # looked at by the client only after the signature held
        text = "The signature is too old." if is_old else "The signature does not match."
        raise Unproven(text, alarm="forged_notice" if header and not is_old else "") from error
    except (ValueError, IndexError, AttributeError, TypeError) as error:
        raise Unproven("The body or the signature header cannot be read.") from error
    verified = read(notice.body)
    _check_home(json.loads(notice.body), is_live=is_live)
    return verified


def read(body: bytes) -> VerifiedNotice:
    """What an event's body says. Raises Unproven if it is no event."""
    try:
        event = json.loads(body)
        kind, number = str(event["type"]), str(event["id"])
        subject = _subject_of(event, kind)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise Unproven("The body is no Stripe event.") from error
    return VerifiedNotice(number[:255], kind[:80], subject)


def _check_home(event: dict[str, Any], *, is_live: bool) -> None:
    """Raises Unproven for an event of a connected account or of the other mode: its money is not in our balance."""
    if event.get("account"):
        raise Unproven("The event is of another account.", alarm="wrong_merchant")
    if bool(event.get("livemode")) != is_live:
        raise Unproven(f"The event is of {'test' if is_live else 'live'} mode, and our key is not.", alarm="wrong_merchant")


def _subject_of(event: dict[str, Any], kind: str) -> Subject | None:
    thing = event["data"]["object"]
    if kind in SESSION_EVENTS:
        return standings.of_session(thing, outcome=_outcome_by_event(event, kind, thing))
    if kind in REFUND_EVENTS:
        return standings.of_refund(thing)
    if kind == "charge.refunded":
        return standings.of_charge(thing, event["data"].get("previous_attributes") or {})
    return standings.of_dispute(thing, kind) if kind in DISPUTE_EVENTS else None


def _outcome_by_event(event: dict[str, Any], kind: str, session: dict[str, Any]) -> Outcome | None:
    """An unpaid `completed` is only the beginning (bank debits, WeChat Pay): the money comes with a later event."""
    match kind:
        case "checkout.session.async_payment_failed":
            return Outcome.FAILED
        case "checkout.session.expired":
            closed_early = int(event["created"]) < int(session["expires_at"]) - CLOCK_SKEW_S
            return Outcome.CANCELLED if closed_early else Outcome.EXPIRED
        case _:
            return None
