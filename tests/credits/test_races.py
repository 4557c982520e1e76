"""Races, each shown twice: with the guard off it loses money, with the real function it does not.

The guard-off doubles read, wait for each other, and write: what a careless service would do. The database's own triggers
would refuse them, so they are off too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from config.kernel.errors import DomainError
from credits.exceptions import HoldResolved, InsufficientCredits
from credits.models import Hold, Posting, Transaction, Wallet
from credits.services.campaign import campaign_create
from credits.services.check import check_books
from credits.services.hold import Held, hold, hold_capture, hold_release
from credits.services.wallet import grant, mature, refund, spend, transfer
from tests.credits.conftest import AT, Person, buckets, execute

THREADS = 10
guard_off = pytest.mark.books_broken


def at_once(jobs: list[Callable[[], Any]], threads: int = THREADS) -> list[Any]:
    """Runs all jobs, so many at a time, each thread with a connection of its own; results or domain errors, in order."""
    local = threading.local()
    opened: list[Any] = []

    def run(job: Callable[[], Any]) -> Any:
        if not hasattr(local, "connection"):
            local.connection = connections["default"]
            opened.append(local.connection)
            local.connection.inc_thread_sharing()
        try:
            return job()
        except DomainError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(run, jobs))
    for one in opened:
        one.close()
        one.dec_thread_sharing()
    return results


@contextmanager
def guards_off() -> Iterator[None]:
    for table in ("credits_wallet", "credits_posting", "credits_transaction"):
        execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield


def kinds(results: list[Any], kind: type) -> int:
    return sum(isinstance(result, kind) for result in results)


# 50 parallel orders with money for 10


@guard_off
def test_without_the_guard_fifty_orders_share_the_money_for_ten(committed_db: object, person: Person) -> None:
    who, meet = person(paid=200), threading.Barrier(THREADS)

    def careless() -> bool:
        balance = Wallet.objects.get(pk=who).paid
        meet.wait(30)
        if balance < 20:
            return False
        execute("UPDATE credits_wallet SET paid = %s WHERE user_id = %s", (balance - 20, who))
        return True

    with guards_off():
        sold = sum(at_once([careless] * 50))
    assert sold == 50
    assert Wallet.objects.get(pk=who).paid == 100
    assert check_books(AT)


def test_fifty_orders_with_money_for_ten_sell_ten(committed_db: object, person: Person) -> None:
    who = person(paid=200)
    results = at_once([lambda n=n: spend(user_id=who, key=f"k{n}", ref=f"task:{n}", amount=20, at=AT) for n in range(50)], threads=25)  # type: ignore[misc]
    assert kinds(results, InsufficientCredits) == 40
    assert buckets(who) == (0, 0, 0, 0)
    assert Transaction.objects.filter(user_id=who, kind="spend").count() == 10
    assert check_books(AT) == []


def test_one_key_sent_at_once_is_charged_once(committed_db: object, person: Person) -> None:
    who = person(paid=200)
    results = at_once([lambda: spend(user_id=who, key="k", ref="task:1", amount=20, at=AT)] * 20)
    assert len({result.transaction_id for result in results}) == 1
    assert sum(not result.replayed for result in results) == 1
    assert buckets(who) == (180, 0, 0, 0)


# double refund


@guard_off
def test_without_the_guard_a_refund_is_paid_twice(committed_db: object, person: Person) -> None:
    who, meet = person(paid=100), threading.Barrier(2)
    spend(user_id=who, key="k", ref="task:1", amount=60, at=AT)

    def careless() -> None:
        is_refunded = Transaction.objects.filter(user_id=who, kind="refund").exists()
        meet.wait(30)
        if not is_refunded:
            execute("UPDATE credits_wallet SET paid = paid + 60 WHERE user_id = %s", (who,))

    with guards_off():
        at_once([careless] * 2, threads=2)
    assert buckets(who)[0] == 160
    assert check_books(AT)


def test_parallel_refunds_pay_once(committed_db: object, person: Person) -> None:
    who = person(paid=100)
    spend(user_id=who, key="k", ref="task:1", amount=60, at=AT)
    results = at_once([lambda n=n: refund(user_id=who, key=f"r{n}", spend_key="k", at=AT) for n in range(20)])  # type: ignore[misc]
    assert sum(not result.replayed for result in results) == 1
    assert buckets(who) == (100, 0, 0, 0)
    assert Transaction.objects.filter(kind="refund").count() == 1


# double capture; capture against release


def two_holds(who: int) -> Held:
    """The hold that is raced for, and another one whose credits must stay."""
    hold(user_id=who, key="other", ref="task:2", amount=50, at=AT)
    return hold(user_id=who, key="h", ref="task:1", amount=50, at=AT)


def careless_resolution(hold_id: int, who: int, meet: threading.Barrier, back: int) -> bool:
    is_open = Hold.objects.get(pk=hold_id).state == "open"
    meet.wait(30)
    if is_open:
        execute("UPDATE credits_wallet SET held_paid = held_paid - 50, paid = paid + %s WHERE user_id = %s", (back, who))
    return is_open


@guard_off
def test_without_the_guard_a_hold_is_captured_twice(committed_db: object, person: Person) -> None:
    who, meet = person(paid=100), threading.Barrier(2)
    held = two_holds(who)
    with guards_off():
        assert at_once([lambda: careless_resolution(held.hold_id, who, meet, 0)] * 2, threads=2) == [True, True]
    assert buckets(who) == (0, 0, 0, 0)
    assert check_books(AT)


def test_parallel_captures_charge_once(committed_db: object, person: Person) -> None:
    who = person(paid=100)
    held = two_holds(who)
    results = at_once([lambda n=n: hold_capture(hold_id=held.hold_id, amount=40, key=f"c{n}", at=AT) for n in range(20)])  # type: ignore[misc]
    assert kinds(results, HoldResolved) == 19
    assert buckets(who) == (10, 0, 50, 0)


@guard_off
def test_without_the_guard_a_hold_is_captured_and_given_back(committed_db: object, person: Person) -> None:
    who, meet = person(paid=100), threading.Barrier(2)
    held = two_holds(who)
    with guards_off():
        at_once(
            [lambda: careless_resolution(held.hold_id, who, meet, 0), lambda: careless_resolution(held.hold_id, who, meet, 50)], threads=2
        )
    assert buckets(who) == (50, 0, 0, 0)
    assert check_books(AT)


def test_capture_against_release_has_one_winner(committed_db: object, person: Person) -> None:
    who = person(paid=100)
    for number in range(10):
        held = hold(user_id=who, key=f"h{number}", ref="task:1", amount=10, at=AT)
        capture, release = at_once(
            [
                lambda: hold_capture(hold_id=held.hold_id, amount=10, key=f"c{number}", at=AT),  # noqa: B023
                lambda: hold_release(hold_id=held.hold_id, key=f"x{number}", at=AT),  # noqa: B023
            ],
            threads=2,
        )
        assert isinstance(capture, HoldResolved) != isinstance(release, HoldResolved)
        assert Hold.objects.get(pk=held.hold_id).state == ("released" if isinstance(capture, HoldResolved) else "captured")
    captured = Hold.objects.filter(state="captured").count()
    assert buckets(who) == (100 - 10 * captured, 0, 0, 0)


# the other promises


def test_tips_in_both_directions_never_wait_for_each_other(committed_db: object, person: Person) -> None:
    one, other = person(paid=100), person(paid=100)

    def tip(payer: int, creator: int, number: int) -> Any:
        return transfer(from_user_id=payer, to_user_id=creator, key=f"t{number}", kind="tip", ref="w", amount=5, at=AT)

    pairs = [(one, other), (other, one)] * 20
    results = at_once([lambda n=n, pair=pair: tip(pair[0], pair[1], n) for n, pair in enumerate(pairs)])  # type: ignore[misc]
    assert kinds(results, DomainError) == 0
    assert buckets(one) == buckets(other) == (0, 0, 0, 0)
    assert {wallet.coins_pending for wallet in Wallet.objects.filter(pk__in=(one, other))} == {9000}


def test_a_campaign_never_pays_beyond_its_budget(committed_db: object, person: Person) -> None:
    people = [person() for _ in range(10)]
    campaign_create(slug="small", budget_credits=105)
    gift: dict[str, Any] = {"key": "g", "kind": "gift", "ref": "x", "bonus": 10, "source": "campaign:small", "at": AT}
    results = at_once([lambda who=who: grant(user_id=who, **gift) for who in people * 4])  # type: ignore[misc]
    assert sum(result.transaction_id is not None and not result.replayed for result in results) == 10
    more = at_once([lambda who=who: grant(user_id=who, **{**gift, "key": "g2"}) for who in people])  # type: ignore[misc]
    assert {result.transaction_id for result in more} == {None}
    assert -sum(Posting.objects.filter(account="campaign:small").values_list("amount", flat=True)) == 100


def test_two_sweeps_mature_coins_once(committed_db: object, person: Person) -> None:
    payer = person(paid=100)
    creators = [person() for _ in range(10)]
    for creator in creators:
        transfer(from_user_id=payer, to_user_id=creator, key=f"t{creator}", kind="tip", ref="w", amount=10, at=AT)
    results = at_once([lambda: mature(at=AT.replace(month=4))] * 4, threads=4)
    assert sum(results) == 10
    assert set(Wallet.objects.filter(pk__in=creators).values_list("coins_pending", "coins")) == {(0, 900)}
