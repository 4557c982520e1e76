"""What a wish costs and leaves: the receipt above the button."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from credits.exceptions import PriceMissing
from credits.selectors.wallet import balance_of
from generation.kinds import TIMED_INPUT_UNKNOWN_S
from generation.models import Asset, Task
from generation.web.wording import PageKind, facts_of, kind_label
from operations.templatetags.pages import credits_text
from operations.web.prices import Listed, PriceBook


@dataclass(frozen=True, slots=True)
class Quote:
    """A price in credits for what was chosen; `before` is what its reader can spend."""

    before: int
    cost: int
    unit: str
    label: str
    by_choice: dict[str, int]

    @property
    def after(self) -> int:
        """What would be left, never below zero."""
        return max(self.before - self.cost, 0)

    @property
    def enough(self) -> bool:
        """Whether the balance pays for it."""
        return self.before >= self.cost

    @property
    def prices_json(self) -> str:
        """Each value of the choice that the price hangs on → its amount, for the script."""
        return json.dumps(self.by_choice)


def quote_of(kind: PageKind, params: dict[str, Any], *, user_id: int, video: Asset | None = None) -> Quote:
    """The price of `params` today. A per-second kind is quoted for `video`'s length, or for what an unknown one reserves.

    Raises PriceMissing.
    """
    book = PriceBook()
    price = book.price(kind.offer, params)
    if price is None:
        raise PriceMissing()
    seconds = (math.ceil((video.duration_ms or 0) / 1000) if video else TIMED_INPUT_UNKNOWN_S) if price.unit == "second" else 1
    words = [kind_label(kind.name), *facts_of(kind.name, params)]
    if price.unit == "second":
        words.append(_("%(s)s s at %(rate)s") % {"s": seconds, "rate": credits_text(price.amount)})
    choice = kind.choices[0]
    listed = {option.value: book.price(kind.offer, {**params, choice.name: option.value}) for option in choice.options}
    by_choice = {value: found.amount for value, found in listed.items() if found}
    return Quote(balance_of(user_id).available, price.amount * seconds, price.unit, " · ".join(words), by_choice)


def prices_again(tasks: Iterable[Task]) -> dict[int, int]:
    """Task → what ordering it anew costs today; tasks whose offer has no price any more are left out."""
    tasks = list(tasks)
    book = PriceBook() if tasks else None
    found = [(task, book.price(task.offer, task.params)) for task in tasks] if book else []
    return {task.pk: price.amount * _units(task, price) for task, price in found if price}


def _units(task: Task, price: Listed) -> int:
    return int(task.params.get("reserved_s", 1)) if price.unit == "second" else 1
