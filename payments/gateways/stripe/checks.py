"""Stripe's settings, looked at when the platform starts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

KEY_PREFIXES = ("sk_live_", "sk_test_", "rk_live_", "rk_test_")


def stripe_settings(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Stripe is off, or configured as a whole; each fault names its setting, and never a secret."""
    key, secret, base = settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_API_BASE
    faults = {
        "payments.E101": ("STRIPE_WEBHOOK_SECRET is missing: orders could be paid and never heard of.", bool(key and not secret)),
        "payments.E102": ("STRIPE_SECRET_KEY is missing: no order could be placed.", bool(secret and not key)),
        "payments.E103": ("STRIPE_SECRET_KEY is no secret key (sk_… or rk_…).", bool(key) and not key.startswith(KEY_PREFIXES)),
        "payments.E104": ("STRIPE_WEBHOOK_SECRET is no webhook secret (whsec_…).", bool(secret) and not secret.startswith("whsec_")),
        "payments.E105": ("STRIPE_API_BASE is no http(s) address.", bool(base) and not base.startswith(("https://", "http://"))),
    }
    return [Error(text, id=number) for number, (text, is_fault) in faults.items() if is_fault]
