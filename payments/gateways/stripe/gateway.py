"""Hosted Checkout Sessions: create, ask, close; notices by signed events."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import stripe
from django.conf import settings

from config.kernel.errors import NotConfigured
from payments.gateways.base import Checkout, CheckoutRequest, OrderRef, Outcome, RawNotice, Rejected, Standing, Temporary, VerifiedNotice
from payments.gateways.stripe import events

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

log = logging.getLogger(__name__)
stripe.enable_telemetry = False
TIMEOUT_S = 15
SESSION_LIFE = dt.timedelta(hours=23)
"""Stripe takes 30 minutes to 24 hours from its own clock; an hour is left for clocks that differ."""
MAX_TITLE = 120


@dataclass(frozen=True, slots=True)
class StripeGateway:
    """One Stripe account. Without a secret key (demo mode) it can only prove and read notices."""

    secret_key: str
    webhook_secret: str
    api_base: str = ""
    name: str = "stripe"

    @classmethod
    def configured(cls) -> StripeGateway:
        """The account of the settings. Raises NotConfigured without the webhook's secret, or without a key outside demo mode."""
        found = cls(settings.STRIPE_SECRET_KEY, events.webhook_secret(), settings.STRIPE_API_BASE)
        if not found.webhook_secret or not (found.secret_key or settings.DEMO):
            raise NotConfigured(service="Stripe")
        return found

    def create(self, request: CheckoutRequest) -> Checkout:
        """Source: docs.stripe.com, Create a Session. The idempotency key is the order's own number."""
        with _calls():
            options: Any = {"idempotency_key": f"order:{request.order_uuid}"}
            session = self._client().v1.checkout.sessions.create(params=_params(request), options=options)
            expires_at = dt.datetime.fromtimestamp(session.expires_at, dt.UTC)
            return Checkout(session.id, session.url or "", expires_at=expires_at)

    def verify(self, notice: RawNotice) -> VerifiedNotice:
        """Source: docs.stripe.com, Webhooks: `v1` signature over time and raw body, at most 300 s old."""
        return events.proven(notice, self.webhook_secret)

    def read(self, body: bytes) -> VerifiedNotice:
        """What a stored event says."""
        return events.read(body)

    def query(self, order: OrderRef) -> Standing:
        """Source: docs.stripe.com, Retrieve a Session. An order whose session's id never reached us was never shown to a payer."""
        if not order.external_id:
            return Standing(Outcome.NONE, order.order_uuid)
        with _calls():
            return events.standing_of(self._client().v1.checkout.sessions.retrieve(order.external_id).to_dict())

    def close(self, order: OrderRef) -> Standing:
        """Source: docs.stripe.com, Expire a Session (open ones only; anything else is a 400, and then the session is asked)."""
        if not order.external_id:
            return Standing(Outcome.NONE, order.order_uuid)
        try:
            with _calls():
                return events.standing_of(self._client().v1.checkout.sessions.expire(order.external_id).to_dict())
        except Rejected:
            return self.query(order)

    def _client(self) -> stripe.StripeClient:
        if not self.secret_key:
            raise Temporary("no secret key: this account only reads notices")
        return stripe.StripeClient(
            self.secret_key,
            base_addresses={"api": self.api_base} if self.api_base else None,
            max_network_retries=2,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
        )


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


@contextmanager
def _calls() -> Iterator[None]:
    """Within: what the client raises leaves as Temporary (nothing is known) or Rejected (final)."""
    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        log.warning("Stripe refused: %s (%s)", error.code, error.request_id)
        raise Rejected("Stripe did not accept the order.") from error
    except stripe.StripeError as error:
        log.warning("Stripe did not answer as it should: %s (%s)", type(error).__name__, error.http_status)
        raise Temporary(type(error).__name__) from error
