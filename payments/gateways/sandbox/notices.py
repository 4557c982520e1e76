"""The sandbox's notices: a scheme of its own, and those of the gateways that it stands for."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

from django.conf import settings

from config.kernel.ids import parse_uuid
from payments.gateways.base import Outcome, RawNotice, Standing, Unproven, VerifiedNotice

HEADER = "sandbox-signature"
TOLERANCE_S = 300


def secret() -> bytes:
    """What the sandbox signs with; known to this installation only."""
    return hmac.new(settings.SECRET_KEY.encode(), b"sandbox:own", hashlib.sha256).digest()


def signature(body: bytes, at_s: int) -> str:
    """`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `t.body`."""
    return f"t={at_s},v1={hmac.new(secret(), b'%d.' % at_s + body, hashlib.sha256).hexdigest()}"


def proven(notice: RawNotice) -> VerifiedNotice:
    """The notice, if the sandbox signed it within the last 300 s. Raises Unproven."""
    header = notice.headers.get(HEADER, "")
    stamp = header.partition(",")[0].removeprefix("t=")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        raise Unproven("The signature header is missing or cannot be read.")
    if not hmac.compare_digest(signature(notice.body, int(stamp)).encode(), header.encode()):
        raise Unproven("The signature does not match.")
    if abs(time.time() - int(stamp)) > TOLERANCE_S:
        raise Unproven("The signature is too old.")
    return read(notice.body)


def read(body: bytes) -> VerifiedNotice:
    """What a notice's body says. Raises Unproven if it is none."""
    try:
        data = json.loads(body)
        standing = Standing(
            Outcome(data["outcome"]),
            order_uuid=parse_uuid(data["order"]),
            external_id=str(data["checkout"]),
            charge_id=str(data.get("charge") or ""),
            amount_cents=int(data["amount_cents"]),
            currency=str(data["currency"]),
        )
        return VerifiedNotice(str(data["id"])[:255], f"payment.{standing.outcome}", standing)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unproven("The body is no sandbox notice.") from error


def own(standing: Standing) -> RawNotice:
    """The notice of `standing` in the sandbox's own scheme, signed now."""
    body = _dump(
        {
            "id": f"sbn_{_number(standing, standing.outcome)}",
            "order": str(standing.order_uuid),
            "checkout": standing.external_id,
            "charge": standing.charge_id,
            "outcome": standing.outcome,
            "amount_cents": standing.amount_cents,
            "currency": standing.currency,
        },
    )
    return RawNotice(body, {"content-type": "application/json", HEADER: signature(body, int(time.time()))})


def stripe_events(standing: Standing, *, created_s: int, expires_s: int) -> list[RawNotice]:
    """The events Stripe would send about a session that ended so, signed now in Stripe's own scheme. Times in unix seconds."""
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
    return [_stripe_event(standing, kind, session) for kind in kinds]


def _stripe_event(standing: Standing, kind: str, session: dict[str, Any]) -> RawNotice:
    import stripe  # the SDK costs memory; only a process that pays in the sandbox needs it

    from payments.gateways.stripe.events import webhook_secret

    body = _dump(
        {
            "id": f"evt_{_number(standing, kind)}",
            "object": "event",
            "type": kind,
            "created": int(time.time()),
            "livemode": False,
            "data": {"object": session},
        },
    )
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), webhook_secret())
    return RawNotice(body, {"content-type": "application/json", "stripe-signature": header})


def _number(standing: Standing, kind: str) -> str:
    """The same end of the same payment is the same notice, however often it is sent."""
    return hashlib.sha256(f"{standing.order_uuid}:{kind}:{standing.outcome}".encode()).hexdigest()[:32]


def _dump(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
