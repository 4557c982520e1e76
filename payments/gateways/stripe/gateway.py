"""Hosted Checkout Sessions: create, ask, close; refunds, the day's statement; notices by signed events."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.conf import settings

from config.kernel.errors import NotConfigured
from payments.gateways.base import (
    Checkout,
    CheckoutRequest,
    OrderRef,
    Outcome,
    RawNotice,
    RefundRequest,
    RefundStanding,
    Rejected,
    Standing,
    StatementLine,
    VerifiedNotice,
)
from payments.gateways.stripe import events, refunds, standings, statement
from payments.gateways.stripe.calls import calls, client

if TYPE_CHECKING:
    import stripe
    from stripe.params.checkout import SessionCreateParams

SESSION_LIFE = dt.timedelta(hours=23)
"""Stripe takes 30 minutes to 24 hours from its own clock; an hour is left for clocks that differ."""
MAX_TITLE = 120
METHODS = frozenset({"checkout"})


@dataclass(frozen=True, slots=True)
class StripeGateway:
    """One Stripe account. Without a secret key (demo mode) it can only prove and read notices."""

    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    api_base: str = ""
    name: str = "stripe"
    methods: frozenset[str] = METHODS

    @classmethod
    def configured(cls) -> StripeGateway:
        """The account of the settings. Raises NotConfigured without the webhook's secret, or without a key outside demo mode."""
        found = cls(settings.STRIPE_SECRET_KEY, events.webhook_secret(), settings.STRIPE_API_BASE)
        if not found.webhook_secret or not (found.secret_key or settings.DEMO):
            raise NotConfigured(service="Stripe")
        return found

    def create(self, request: CheckoutRequest) -> Checkout:
        """Source: docs.stripe.com, Create a Session. The idempotency key is the order's own number."""
        with calls():
            options: Any = {"idempotency_key": f"order:{request.order_uuid}"}
            session = self._client().v1.checkout.sessions.create(params=_params(request), options=options)
            expires_at = dt.datetime.fromtimestamp(session.expires_at, dt.UTC)
            return Checkout(session.id, session.url or "", expires_at=expires_at)

    def verify(self, notice: RawNotice) -> VerifiedNotice:
        """Source: docs.stripe.com, Webhooks: `v1` signature over time and raw body, at most 300 s old; the mode is our key's."""
        return events.proven(notice, self.webhook_secret, is_live=self.is_live)

    def read(self, body: bytes) -> VerifiedNotice:
        """What a stored event says."""
        return events.read(body)

    def query(self, order: OrderRef) -> Standing:
        """Source: docs.stripe.com, Retrieve a Session. An order whose session's id never reached us was never shown to a payer."""
        if not order.external_id:
            return Standing(Outcome.NONE, order.order_uuid)
        with calls():
            return standings.of_session(self._client().v1.checkout.sessions.retrieve(order.external_id).to_dict())

    def close(self, order: OrderRef) -> Standing:
        """Source: docs.stripe.com, Expire a Session (open ones only; anything else is a 400, and then the session is asked)."""
        if not order.external_id:
            return Standing(Outcome.NONE, order.order_uuid)
        try:
            with calls():
                return standings.of_session(self._client().v1.checkout.sessions.expire(order.external_id).to_dict())
        except Rejected:
            return self.query(order)

    def refund(self, request: RefundRequest) -> RefundStanding:
        """The refund exists at Stripe, once: it is looked up by our number before it is made."""
        return refunds.refund(self._client(), request)

    def refund_query(self, request: RefundRequest) -> RefundStanding:
        """Where the refund with our number stands."""
        return refunds.refund_query(self._client(), request)

    def statement(self, day: dt.date) -> list[StatementLine]:
        """Payments and refunds of a day (UTC), from Stripe's balance transactions; a day that is not over gives what moved so far."""
        return statement.statement(self._client(), day)

    @property
    def is_live(self) -> bool:
        """The key is of live mode: only then is money real."""
        return self.secret_key.startswith(("sk_live_", "rk_live_"))

    def _client(self) -> stripe.StripeClient:
        return client(self.secret_key, self.api_base)


def _params(request: CheckoutRequest) -> SessionCreateParams:
    """The same order gives the same parameters: Stripe refuses a repeated key with others."""
    number = str(request.order_uuid)
    return {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": request.currency.lower(),
                    "unit_amount": request.amount_cents,
                    "product_data": {"name": request.title[:MAX_TITLE]},
                },
                "quantity": 1,
            },
        ],
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        "client_reference_id": number,
        "metadata": {"order": number},
        "payment_intent_data": {"metadata": {"order": number}},
        "payment_method_options": {"wechat_pay": {"client": "web"}},
        "locale": "auto",
        "expires_at": int(min(request.expires_at, request.created_at + SESSION_LIFE).timestamp()),
    }
