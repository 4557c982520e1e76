"""Stripe Checkout through the `stripe` client (protocol: docs.stripe.com, API 2026-10-28)."""

from payments.gateways.stripe.gateway import StripeGateway

__all__ = ["StripeGateway"]
