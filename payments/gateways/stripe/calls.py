"""The one client of Stripe's API, and what its errors mean to us."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from payments.gateways.base import Rejected, Temporary, Unknown

log = logging.getLogger(__name__)
stripe.enable_telemetry = False
TIMEOUT_S = 15
RETRIES = 2
"""The client repeats lost calls under the same idempotency key."""


def client(secret_key: str, api_base: str) -> stripe.StripeClient:
    """A client of the account of `secret_key`. Raises Temporary without one."""
    if not secret_key:
        raise Temporary("no secret key: this account only reads notices")
    return stripe.StripeClient(
        secret_key,
        base_addresses={"api": api_base} if api_base else None,
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
    )


@contextmanager
def calls(refused: str = "Stripe did not accept the order.") -> Iterator[None]:
    """Within: what the client raises leaves as Rejected (final, with the text `refused`), Temporary (nothing happened) or Unknown.

    Source: docs.stripe.com, Error handling. 401, 403 and 429 were turned away at the door; a lost connection, a 5xx, and a key that
    is in use or was used otherwise say nothing about what happened.
    """
    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        log.warning("Stripe refused: %s (%s)", error.code, error.request_id)
        raise Rejected(refused) from error
    except (stripe.AuthenticationError, stripe.PermissionError, stripe.RateLimitError) as error:
        log.warning("Stripe did not let us in: %s (%s)", type(error).__name__, error.http_status)
        raise Temporary(type(error).__name__) from error
    except stripe.StripeError as error:
        log.warning("Stripe did not answer as it should: %s (%s)", type(error).__name__, error.http_status)
        raise Unknown(type(error).__name__) from error
