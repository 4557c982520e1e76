"""The price list as the pages print it. What is really charged, `credits` decides at the moment of spending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from credits.models import Price


@dataclass(frozen=True, slots=True)
class Listed:
    """A printed price: credits a `unit` (task, second, image)."""

    amount: int
    unit: str


class PriceBook:
    """The active prices, read once (one statement)."""

    def __init__(self) -> None:
        rows = Price.objects.filter(offer__is_active=True).order_by("pk").values_list("offer_id", "match", "amount_credits", "unit")
        self._rows: dict[str, list[tuple[dict[str, Any], Listed]]] = {}
        for offer, match, amount, unit in rows:
            self._rows.setdefault(offer, []).append((match, Listed(amount, unit)))

    def price(self, offer: str, params: Mapping[str, Any]) -> Listed | None:
        """The price of `offer` with `params`: the row that names most of them; None where nothing fits."""
        fitting = [row for row in self._rows.get(offer, []) if all(params.get(name) == value for name, value in row[0].items())]
        return max(fitting, key=lambda row: len(row[0]))[1] if fitting else None

    def lowest(self, *offers: str) -> Listed | None:
        """The lowest price among all rows of the offers whose names begin with one of `offers`."""
        found = [listed for code, rows in self._rows.items() if code.startswith(offers) for _, listed in rows]
        return min(found, key=lambda listed: listed.amount) if found else None
