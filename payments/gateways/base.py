"""What every gateway can do, in our words. SDK exceptions end in the adapters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Outcome(StrEnum):
    """What a gateway says about a payment."""

    OPEN = "open"  # nothing happened yet
    PROCESSING = "processing"  # the payer is done, the money is on its way
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"  # given up or closed before its time
    EXPIRED = "expired"  # its time is over
    NONE = "none"  # the gateway knows nothing of it, or the notice is about something else


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """An order as a gateway needs it. The same order gives the same request, so a repeat is a replay."""

    order_uuid: UUID
    channel: str
    title: str
    amount_cents: int
    currency: str
    return_url: str
    created_at: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the payer goes. `expires_at` is the gateway's own, or None when ours holds."""

    external_id: str
    payment_url: str
    code_url: str = ""
    expires_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderRef:
    """How we name an order to its gateway; `external_id` is empty when its answer was lost."""

    order_uuid: UUID
    external_id: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a payment stands, from the gateway's own mouth. Amounts only where money moved."""

    outcome: Outcome
    order_uuid: UUID | None = None
    external_id: str = ""
    charge_id: str = ""
    amount_cents: int = 0
    currency: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class RawNotice:
    """A notice exactly as it came: the body's bytes, header names in lower case."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VerifiedNotice:
    """What a proven notice says: its own id at the gateway, its kind, and where the payment stands."""

    external_id: str
    kind: str
    standing: Standing


class Temporary(Exception):
    """The gateway did not answer, or not now: nothing is known, ask or repeat later."""


class Rejected(Exception):
    """The gateway refused for good; `str()` is a text that a user may see."""


class Unproven(Exception):
    """A notice whose signature, age or form is not the gateway's; `str()` says why."""


class Gateway(Protocol):
    """One payment service. Calls leave the machine: never make them inside a transaction."""

    name: str

    def create(self, request: CheckoutRequest) -> Checkout:
        """A checkout for the order exists, the same one however often this is called. Raises Temporary, Rejected."""

    def verify(self, notice: RawNotice) -> VerifiedNotice:
        """What the notice says, once its signature and age are proven. Raises Unproven."""

    def read(self, body: bytes) -> VerifiedNotice:
        """What a body says that was proven before (a stored notice). Raises Unproven if it makes no sense."""

    def query(self, order: OrderRef) -> Standing:
        """Where the payment stands now. Raises Temporary, Rejected."""

    def close(self, order: OrderRef) -> Standing:
        """The checkout takes no payment any more; the answer says if money came before. Raises Temporary, Rejected."""
