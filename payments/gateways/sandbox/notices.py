"""The sandbox's own notices: a scheme of its own, for its own channel and for what other channels' protocols cannot say."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from config.kernel.ids import parse_uuid
from payments.gateways.base import (
    DisputeOutcome,
    DisputeStanding,
    Outcome,
    PayoutOutcome,
    PayoutStanding,
    RawNotice,
    RefundOutcome,
    RefundStanding,
    Standing,
    Subject,
    Unproven,
    VerifiedNotice,
)

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
        raise Unproven("The signature does not match.", alarm="forged_notice")
    if abs(time.time() - int(stamp)) > TOLERANCE_S:
        raise Unproven("The signature is too old.")
    return read(notice.body)


def own(subject: Subject) -> RawNotice:
    """The notice of `subject`, signed now; of the same news it is the same notice."""
    kind = next(name for name, (form, _) in FORMS.items() if isinstance(subject, form))
    said = {name: value for name, value in asdict(subject).items() if value is not None}
    body = dump({"id": f"sbn_{digest(kind, _news(subject))}", "kind": kind, "said": said})
    return RawNotice(body, {"content-type": "application/json", HEADER: signature(body, int(time.time()))})


def read(body: bytes) -> VerifiedNotice:
    """What a notice's body says. Raises Unproven if it is none."""
    try:
        data = json.loads(body)
        kind = str(data["kind"])
        subject = FORMS[kind][1](data["said"])
        return VerifiedNotice(str(data["id"])[:255], f"{kind}.{subject.outcome}", subject)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise Unproven("The body is no sandbox notice.") from error


def dump(data: Any) -> bytes:
    """JSON without spaces."""
    return json.dumps(data, separators=(",", ":"), cls=DjangoJSONEncoder).encode()


def digest(*parts: object) -> str:
    """32 hex digits that are the same for the same parts."""
    return hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()[:32]


def _news(subject: Subject) -> str:
    """What makes two notices the same: whose, and what happened."""
    match subject:
        case RefundStanding():
            return f"{subject.refund_uuid}:{subject.outcome}"
        case PayoutStanding():
            return f"{subject.payout_uuid}:{subject.outcome}"
        case DisputeStanding():
            return f"{subject.external_id}:{subject.outcome}"
        case _:
            return f"{subject.order_uuid}:{subject.outcome}"


def _payment(said: dict[str, Any]) -> Standing:
    return Standing(Outcome(said["outcome"]), parse_uuid(said["order_uuid"]), str(said["external_id"]), *_money(said))


def _refund(said: dict[str, Any]) -> RefundStanding:
    numbers = parse_uuid(said["refund_uuid"]), parse_uuid(said["order_uuid"])
    charge_id, amount_cents, currency = _money(said)
    return RefundStanding(RefundOutcome(said["outcome"]), *numbers, str(said["external_id"]), charge_id, amount_cents, currency)


def _dispute(said: dict[str, Any]) -> DisputeStanding:
    outcome, order_uuid = DisputeOutcome(said["outcome"]), parse_uuid(said["order_uuid"])
    due_at = dt.datetime.fromisoformat(said["evidence_due_at"])
    number, reason, is_gone = str(said["external_id"]), str(said["reason"])[:80], bool(said["is_money_gone"])
    return DisputeStanding(outcome, number, order_uuid, *_money(said), reason, due_at, is_gone)


def _payout(said: dict[str, Any]) -> PayoutStanding:
    number, amount_cents = parse_uuid(said["payout_uuid"]), int(said["amount_cents"])
    return PayoutStanding(PayoutOutcome(said["outcome"]), number, str(said["external_id"]), amount_cents, text=str(said["text"])[:200])


def _money(said: dict[str, Any]) -> tuple[str, int, str]:
    return str(said["charge_id"]), int(said["amount_cents"]), str(said["currency"])


FORMS: dict[str, tuple[type, Callable[[dict[str, Any]], Subject]]] = {
    "payment": (Standing, _payment),
    "refund": (RefundStanding, _refund),
    "dispute": (DisputeStanding, _dispute),
    "payout": (PayoutStanding, _payout),
}
"""Kind → our form of it, and who reads it."""
