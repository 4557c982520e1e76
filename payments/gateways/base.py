"""What every gateway can do, in our words. SDK exceptions end in the adapters.

Our numbers at every gateway are the hex digits of our rows' UUIDs (orders, refunds, payouts): 32 characters, fit for all of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    NONE = "none"  # the gateway knows nothing of it


class RefundOutcome(StrEnum):
    """What a gateway says about a refund."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NONE = "none"  # the gateway knows nothing of it


class DisputeOutcome(StrEnum):
    """What a gateway says about a dispute."""

    WARNING = "warning"  # an enquiry, no money has moved
    OPEN = "open"
    WON = "won"
    LOST = "lost"


class PayoutOutcome(StrEnum):
    """What a gateway says about a payout."""

    PROCESSING = "processing"
    CONFIRMING = "confirming"  # the payee must confirm in their own app
    PAID = "paid"
    REFUSED = "refused"  # for good; nothing left us
    RETURNED = "returned"  # it was paid and came back
    NONE = "none"  # the gateway knows nothing of it


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """An order as a gateway needs it. The same order gives the same request, so a repeat is a replay."""

    order_uuid: UUID
    channel: str
    method: str
    title: str
    amount_cents: int
    currency: str
    return_url: str
    created_at: dt.datetime
    expires_at: dt.datetime
    payer_id: str = ""
    payer_address: str = ""


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the payer goes: a page, a QR code's text, parameters for an app. `expires_at` is the gateway's own, or None when ours holds."""

    external_id: str
    payment_url: str = ""
    code_url: str = ""
    pay_params: Mapping[str, str] = field(default_factory=dict)
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
class RefundRequest:
    """A refund as a gateway needs it; the same request for the same refund, so a repeat is a replay. `total_cents`: the whole payment."""

    refund_uuid: UUID
    order_uuid: UUID
    external_id: str
    charge_id: str
    amount_cents: int
    total_cents: int
    currency: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RefundStanding:
    """Where a refund stands. `refund_uuid` None: it was made at the gateway's own console.

    `refunded_total_cents`: all that the payment has given back so far, where the gateway says so.
    """

    outcome: RefundOutcome
    refund_uuid: UUID | None = None
    order_uuid: UUID | None = None
    external_id: str = ""
    charge_id: str = ""
    amount_cents: int = 0
    currency: str = ""
    refunded_total_cents: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class DisputeStanding:
    """Where a dispute stands. `is_money_gone`: the gateway has taken the money (True), given it back (False), or does not say (None)."""

    outcome: DisputeOutcome
    external_id: str
    order_uuid: UUID | None = None
    charge_id: str = ""
    amount_cents: int = 0
    currency: str = ""
    reason: str = ""
    evidence_due_at: dt.datetime | None = None
    is_money_gone: bool | None = None


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """A payout as a gateway needs it; the same request for the same payout. `account` is what the payee gave: account, name, openid."""

    payout_uuid: UUID
    amount_cents: int
    account: Mapping[str, str]
    title: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PayoutStanding:
    """Where a payout stands. `text` of a refused one may be shown to operators."""

    outcome: PayoutOutcome
    payout_uuid: UUID | None = None
    external_id: str = ""
    amount_cents: int = 0
    confirm_params: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a gateway's day: money in (`payment`) or out (`refund`). `number` is ours (32 hex digits) where the line tells it."""

    kind: str
    number: str
    external_id: str
    amount_cents: int
    currency: str


Subject = Standing | RefundStanding | DisputeStanding | PayoutStanding
"""What a notice may speak of."""


@dataclass(frozen=True, slots=True)
class RawNotice:
    """A notice exactly as it came: the body's bytes, header names in lower case."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VerifiedNotice:
    """What a proven notice says: its own id at the gateway, its kind, and what it speaks of (None: nothing of ours)."""

    external_id: str
    kind: str
    subject: Subject | None


class Temporary(Exception):
    """The gateway did not take it, or not now: nothing happened there, ask or repeat later."""


class Unknown(Temporary):
    """The answer was lost or said nothing: it may have happened. Look it up, or repeat under the same number; never under another."""


class Rejected(Exception):
    """The gateway refused for good; `str()` is a text that a user may see."""


class Unproven(Exception):
    """A notice whose signature, age or form is not the gateway's; `str()` says why.

    `alarm` names the alarm it deserves: `forged_notice` (meant to deceive), `wrong_merchant` (genuine, of somebody else's money), or none.
    """

    def __init__(self, reason: str, *, alarm: str = "") -> None:
        super().__init__(reason)
        self.alarm = alarm


class Gateway(Protocol):
    """One payment service. Calls leave the machine: never make them inside a transaction."""

    name: str
    methods: frozenset[str]
    """How it takes money (`Order.Method`)."""

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

    def refund(self, request: RefundRequest) -> RefundStanding:
        """The refund exists at the gateway, once however often this is called. Raises Temporary (Unknown), Rejected."""

    def refund_query(self, request: RefundRequest) -> RefundStanding:
        """Where the refund stands now. Raises Temporary, Rejected."""

    def statement(self, day: dt.date) -> list[StatementLine]:
        """All that moved on one day, as the gateway counts days. Raises Temporary (also: not ready yet), Rejected."""


class PayoutGateway(Protocol):
    """A service that sends money to people."""

    name: str

    def payout(self, request: PayoutRequest) -> PayoutStanding:
        """The payout exists at the gateway, once however often this is called. Raises Temporary, Unknown, Rejected."""

    def payout_query(self, request: PayoutRequest) -> PayoutStanding:
        """Where the payout stands now. Raises Temporary, Rejected."""
