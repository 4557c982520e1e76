"""Fifty orders at once with money for ten: with the guard ten are made and paid; without it money is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from credits.selectors.wallet import balance_of
from generation.models import Task
from tests.contracts.video.test_examples import MakePerson

ORDERS, THREADS, PRICE = 50, 25, 20


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """`work(0…49)` in twenty-five threads, each with a connection of its own."""

    def run(number: int) -> Any:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(ORDERS)))


def test_fifty_orders_with_money_for_ten_make_ten(committed_db: Any, person: MakePerson) -> None:
    someone = person(bonus=10 * PRICE)
    answers = at_once(lambda _: someone.client.post("/api/videos/text-to-video", {"prompt": "x"}).status_code)
    assert (answers.count(200), answers.count(402)) == (10, 40)
    assert (Task.objects.count(), balance_of(someone.user.pk).available, balance_of(someone.user.pk).spent) == (10, 0, 200)


def test_without_the_guard_more_is_sold_than_was_paid(committed_db: Any, person: MakePerson) -> None:
    someone = person(bonus=10 * PRICE)
    purse, all_have_read = {"credits": 10 * PRICE}, threading.Barrier(THREADS)

    def naive(number: int) -> int:
        """Reads, decides, then writes: what the database function must not be."""
        seen = purse["credits"]
        all_have_read.wait(30)
        if seen < PRICE:
            return 402
        purse["credits"] = seen - PRICE
        return 200

    assert at_once(naive).count(200) >= THREADS
    assert balance_of(someone.user.pk).available == 10 * PRICE


def test_twenty_repeats_under_one_key_make_one_order(committed_db: Any, person: MakePerson) -> None:
    someone = person(bonus=10 * PRICE)
    answers = at_once(lambda _: someone.client.post("/api/videos/text-to-video", {"prompt": "x"}, Idempotency_Key="one"))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.data["task_id"] for answer in answers if answer.status_code == 200}) == 1
    assert (Task.objects.count(), balance_of(someone.user.pk).available) == (1, 9 * PRICE)
