"""Spends and refunds."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.exceptions import IdempotencyConflict
from credits.exceptions import InsufficientCredits, SpendNotFound
from credits.models import Posting, Transaction, Wallet
from credits.selectors.wallet import Balance, balance_of
from credits.services.hold import hold, hold_capture
from credits.services.wallet import Movement, pay, refund, spend
from tests.credits.conftest import AT, Person, buckets, moved

pytestmark = pytest.mark.django_db


def take(who: int, amount: int, key: str = "k", **more: object) -> Movement:
    return spend(user_id=who, key=key, ref="task:1", amount=amount, at=AT, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "bonus_first", "paid", "bonus"),
    [
        (20, True, 0, 20),
        (30, True, 0, 30),
        (45, True, 15, 30),
        (80, True, 50, 30),
        (20, False, 20, 0),
        (50, False, 50, 0),
        (60, False, 50, 10),
    ],
)
def test_takes_the_buckets_in_order(person: Person, amount: int, bonus_first: bool, paid: int, bonus: int) -> None:
    who = person(paid=50, bonus=30)
    done = take(who, amount, bonus_first=bonus_first)
    assert (done.paid, done.bonus, done.charged, done.balance, done.replayed) == (paid, bonus, amount, 80 - amount, False)
    assert buckets(who) == (50 - paid, 30 - bonus, 0, 0)
    assert Wallet.objects.get(pk=who).spent == amount
    rows = Posting.objects.filter(transaction_id=done.transaction_id or 0)
    assert {(row.account, row.amount) for row in rows} == {
        pair for pair in (("paid", -paid), ("bonus", -bonus), ("usage", amount)) if pair[1]
    }


def test_a_spend_and_a_balance_are_one_statement_each(person: Person) -> None:
    who = person(paid=50)
    seen: list[str] = []

    def count(execute: Any, sql: str, *more: Any) -> Any:
        seen.append(sql)
        return execute(sql, *more)

    with connection.execute_wrapper(count):
        take(who, 1)
        balance_of(who)
    assert len(seen) == 2


def test_refuses_what_is_not_there(person: Person) -> None:
    who = person(paid=5, bonus=4)
    before = moved()
    with pytest.raises(InsufficientCredits) as refusal, transaction.atomic():
        take(who, 10)
    assert refusal.value.params == {"current_balance": 9, "required": 10}
    assert moved() == before


def test_a_user_without_a_wallet_has_nothing(db: None) -> None:
    with pytest.raises(InsufficientCredits), transaction.atomic():
        take(999_999_999, 1)
    assert balance_of(999_999_999) == Balance()


@pytest.mark.parametrize("amount", [-1, None])
def test_refuses_a_negative_amount(person: Person, amount: int) -> None:
    who = person(paid=5)
    before = moved()
    with pytest.raises(DatabaseError), transaction.atomic():
        take(who, amount)
    assert moved() == before


@pytest.mark.parametrize("kind", ["recharge", "refund", "hold", "gift", "magic"])
def test_refuses_a_kind_by_which_nothing_is_spent(person: Person, kind: str) -> None:
    who = person(paid=5)
    before = moved()
    with pytest.raises(DatabaseError), transaction.atomic():
        take(who, 1, kind=kind)
    assert moved() == before


def test_nothing_costs_nothing_and_is_still_on_record(person: Person) -> None:
    who = person()
    assert take(who, 0).charged == 0
    assert Transaction.objects.filter(user_id=who, kind="spend").count() == 1


def test_a_repeated_key_answers_the_first_result(person: Person) -> None:
    who = person(paid=50, bonus=30)
    first = take(who, 60)
    take(who, 5, key="other")
    before = moved()
    again = take(who, 60)
    assert again == Movement(first.transaction_id, 30, 30, 20, 60, True)
    assert moved() == before


def test_a_repeated_key_answers_even_when_the_money_is_gone(person: Person) -> None:
    who = person(paid=10)
    first = take(who, 10)
    assert take(who, 10).transaction_id == first.transaction_id


def test_another_input_under_a_key_is_a_conflict(person: Person) -> None:
    who = person(paid=50)
    take(who, 10)
    before = moved()
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        take(who, 11)
    assert moved() == before


def test_owners_do_not_share_keys(person: Person) -> None:
    one, other = person(paid=10), person(paid=10)
    assert not take(one, 10).replayed
    assert not take(other, 10).replayed


def test_a_refund_restores_the_buckets(person: Person) -> None:
    who = person(paid=50, bonus=30)
    take(who, 60)
    back = refund(user_id=who, key="r", spend_key="k", at=AT)
    assert (back.paid, back.bonus, back.charged, back.balance, back.replayed) == (30, 30, 60, 80, False)
    assert buckets(who) == (50, 30, 0, 0)
    assert Wallet.objects.get(pk=who).spent == 0


@pytest.mark.parametrize("second", ["r", "another"])
def test_refunds_once_for_ever_whatever_the_key(person: Person, second: str) -> None:
    who = person(paid=50, bonus=30)
    take(who, 60)
    first = refund(user_id=who, key="r", spend_key="k", at=AT)
    before = moved()
    again = refund(user_id=who, key=second, spend_key="k", at=AT)
    assert again.replayed
    assert again.transaction_id == first.transaction_id
    assert moved() == before


def test_refuses_to_refund_what_was_no_spend(person: Person) -> None:
    who, other = person(paid=50), person(paid=50)
    take(other, 10)
    before = moved()
    for key in ("k", "nothing", Transaction.objects.get(user_id=who).key):
        with pytest.raises(SpendNotFound), transaction.atomic():
            refund(user_id=who, key="r", spend_key=key, at=AT)
    assert moved() == before


def test_a_refund_under_a_used_key_is_a_conflict(person: Person) -> None:
    who = person(paid=50)
    take(who, 10)
    take(who, 5, key="r")
    before = moved()
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        refund(user_id=who, key="r", spend_key="k", at=AT)
    assert moved() == before


def test_a_capture_is_refunded_to_the_buckets_it_came_from(person: Person) -> None:
    who = person(paid=50, bonus=30)
    held = hold(user_id=who, key="h", ref="task:1", amount=60, at=AT)
    hold_capture(hold_id=held.hold_id, amount=40, key="c", at=AT)
    assert buckets(who) == (40, 0, 0, 0)
    back = refund(user_id=who, key="r", spend_key="c", at=AT)
    assert (back.paid, back.bonus) == (10, 30)
    assert buckets(who) == (50, 30, 0, 0)


def test_the_shown_sums_follow_the_contracts(person: Person) -> None:
    who = person(paid=50, bonus=50)
    take(who, 20)
    hold(user_id=who, key="h", ref="task:2", amount=30, at=AT)
    assert balance_of(who) == Balance(paid=50, bonus=0, held=30, available=50, spent=50, earned=100)


def buy(who: int, amount: int, key: str = "p") -> Movement:
    return pay(user_id=who, key=key, ref="order:1", amount=amount, at=AT)


def test_paid_credits_alone_pay_and_come_back(person: Person) -> None:
    who = person(paid=99, bonus=30)
    done = buy(who, 99)
    assert done == Movement(done.transaction_id, 99, 0, 30, 99, False)
    assert (buckets(who), Wallet.objects.get(pk=who).spent) == ((0, 30, 0, 0), 99)
    assert refund(user_id=who, key="r", spend_key="p", at=AT).paid == 99
    assert (buckets(who), Wallet.objects.get(pk=who).spent) == ((99, 30, 0, 0), 0)


def test_bonus_credits_do_not_pay(person: Person) -> None:
    who = person(paid=98, bonus=30)
    before = moved()
    with pytest.raises(InsufficientCredits) as refusal, transaction.atomic():
        buy(who, 99)
    assert refusal.value.params == {"current_balance": 98, "required": 99}
    for amount in (0, -1):
        with pytest.raises(DatabaseError), transaction.atomic():
            buy(who, amount)
    assert moved() == before


def test_a_payment_is_taken_once(person: Person) -> None:
    who = person(paid=100)
    first = buy(who, 60)
    before = moved()
    assert buy(who, 60) == Movement(first.transaction_id, 60, 0, 40, 60, True)
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        buy(who, 59)
    assert moved() == before
