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
from generation.kinds import KINDS, TIMED_INPUT_UNKNOWN_S
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
    choice: str
    """The choice that the price hangs on."""
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
    """The price of `params` today: of all its pictures; a per-second kind's for `video`'s length, or for what an unknown one reserves.

    Raises PriceMissing.
    """
    book = PriceBook()
    price = book.price(kind.offer, params)
    if price is None:
        raise PriceMissing()
    seconds = math.ceil((video.duration_ms or 0) / 1000) if video else TIMED_INPUT_UNKNOWN_S
    choice = kind.choices[0]
    wishes = {option.value: {**params, **choice.params_of(option.value)} for option in choice.options}
    listed = {value: (book.price(kind.offer, wish), wish) for value, wish in wishes.items()}
    by_choice = {value: found.amount * _units(kind.name, wish, found, seconds) for value, (found, wish) in listed.items() if found}
    cost = price.amount * _units(kind.name, params, price, seconds)
    return Quote(balance_of(user_id).available, cost, price.unit, _label(kind, params, price, seconds), choice.name, by_choice)


def _label(kind: PageKind, params: dict[str, Any], price: Listed, seconds: int) -> str:
    words = [kind_label(kind.name), *facts_of(kind.name, params)]
    rate = credits_text(price.amount)
    if price.unit == "second":
        words.append(_("%(s)s s at %(rate)s") % {"s": seconds, "rate": rate})
    elif _units(kind.name, params, price, seconds) > 1:
        words.append(_("%(rate)s each") % {"rate": rate})
    return " · ".join(words)


def prices_again(tasks: Iterable[Task]) -> dict[int, int]:
    """Task → what ordering it anew costs today; tasks whose offer has no price any more are left out."""
    tasks = list(tasks)
    book = PriceBook() if tasks else None
    found = [(task, book.price(task.offer, task.params)) for task in tasks] if book else []
    return {task.pk: price.amount * _units(task.kind, task.params, price, _reserved_s(task)) for task, price in found if price}


def _reserved_s(task: Task) -> int:
    return int(task.params.get("reserved_s", 1))


def _units(kind: str, params: dict[str, Any], price: Listed, seconds: int) -> int:
    """How many units are paid for, as creating a task counts them."""
    return {"second": seconds, "image": KINDS[kind].pictures(params)}.get(price.unit, 1)
