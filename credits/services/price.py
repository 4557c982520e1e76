"""Prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from config.kernel.sql import fetch_one


@dataclass(frozen=True, slots=True)
class PriceTag:
    """Credits a `unit`: task, second or image."""

    amount: int
    unit: str


def price_of(*, offer: str, params: Mapping[str, Any]) -> PriceTag:
    """What `offer` costs today with `params`: the most specific row of the price list. Raises PriceMissing."""
    row = fetch_one("SELECT * FROM credits_price_of(%s::text, %s::jsonb)", (offer, orjson.dumps(dict(params)).decode()))
    return PriceTag(row.amount, row.unit)
