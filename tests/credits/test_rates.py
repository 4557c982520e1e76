"""The server refuses rates at which buying, tipping oneself and withdrawing would pay."""

from __future__ import annotations

from typing import Any

import pytest

from credits.rates import is_arbitrage, rates_check

SHIPPED = {"share_percent": 90, "commission_percent": 5, "coins_per_cny": 20, "floor_cents": 5}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, False),
        ({"share_percent": 95}, False),
        ({"share_percent": 96}, True),
        ({"commission_percent": 10}, False),
        ({"commission_percent": 11}, True),
        ({"coins_per_cny": 19}, False),
        ({"coins_per_cny": 18}, True),
        ({"floor_cents": 4}, True),
        ({"share_percent": 101, "floor_cents": 1000}, True),
        ({"share_percent": -1}, True),
        ({"coins_per_cny": 0}, True),
        ({"floor_cents": 0, "share_percent": 0}, True),
        ({"commission_percent": 100, "share_percent": 0}, True),
    ],
)
def test_arbitrage(change: dict[str, int], expected: bool) -> None:
    assert is_arbitrage(**{**SHIPPED, **change}) is expected


def test_the_start_up_check_speaks_of_the_settings(settings: Any) -> None:
    assert rates_check(None) == []
    settings.COINS_PER_CNY = 18
    (error,) = rates_check(None)
    assert error.id == "credits.E001"


def test_one_who_tips_themselves_gets_out_less_than_they_paid() -> None:
    """The worst case in numbers: 100 CNY at the floor price, tipped, withdrawn, invited by oneself."""
    paid_cents = 10_000
    credits_bought = paid_cents // 5
    coins_hundredths = credits_bought * 90 + paid_cents * 5 // 100 * 20
    assert coins_hundredths / 20 == 9_500 < paid_cents
