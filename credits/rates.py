"""Rates that must fit each other: what a creator gets of a credit, what an inviter gets of a payment, what a coin is worth."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

CREATOR_SHARE_PERCENT: int = settings.CREATOR_SHARE_PERCENT
"""Of a paid credit, in coins; of a bonus credit, in bonus credits."""
COMMISSION_PERCENT: int = settings.COMMISSION_PERCENT
"""Of the net money that an invited user pays, in coins, to who invited them."""


def is_arbitrage(*, share_percent: int, commission_percent: int, coins_per_cny: int, floor_cents: int) -> bool:
    """Whether somebody who buys at the floor price, tips themselves and withdraws, invited by themselves, gets out more than they paid.

    A credit costs `floor_cents`, tipped it becomes share / coins_per_cny cents, and its purchase earned commission % of its price.
    """
    sane = coins_per_cny > 0 and floor_cents > 0 and 0 <= share_percent <= 100 and 0 <= commission_percent < 100
    return not sane or share_percent * 100 > floor_cents * (100 - commission_percent) * coins_per_cny


@register()
def rates_check(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The server does not start with rates at which buying, tipping oneself and withdrawing pays."""
    rates = {
        "share_percent": CREATOR_SHARE_PERCENT,
        "commission_percent": COMMISSION_PERCENT,
        "coins_per_cny": settings.COINS_PER_CNY,
        "floor_cents": settings.FLOOR_PRICE_CENTS,
    }
    if not is_arbitrage(**rates):
        return []
    return [Error(f"Buying credits, tipping oneself and withdrawing would pay: {rates}", id="credits.E001")]
