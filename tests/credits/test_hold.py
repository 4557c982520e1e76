"""Holds: raised, captured or released, once."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from accounts.exceptions import IdempotencyConflict
from credits.exceptions import HoldNotFound, HoldResolved, InsufficientCredits, SelfTransfer
from credits.models import Hold, Maturing, Wallet
from credits.services.hold import Held, hold, hold_capture, hold_raise, hold_release
from tests.credits.conftest import AT, Person, buckets, moved

pytestmark = pytest.mark.django_db


def reserve(who: int, amount: int, **more: object) -> Held:
    return hold(user_id=who, key="h", ref="task:1", amount=amount, at=AT, **more)  # type: ignore[arg-type]


def test_sets_credits_apart_bonus_first(person: Person) -> None:
    who = person(paid=50, bonus=30)
    held = reserve(who, 50)
    assert (held.paid, held.bonus, held.balance, held.replayed) == (20, 30, 30, False)
    assert buckets(who) == (30, 0, 20, 30)
    again = reserve(who, 50)
    assert (again.hold_id, again.paid, again.bonus, again.balance, again.replayed) == (held.hold_id, 20, 30, 30, True)
    assert Hold.objects.count() == 1


def test_sets_paid_credits_apart_first_when_told(person: Person) -> None:
    who = person(paid=50, bonus=30)
    assert (reserve(who, 60, bonus_first=False).paid, buckets(who)) == (50, (0, 20, 50, 10))


def test_refuses_more_than_there_is(person: Person) -> None:
    who = person(paid=5)
    before = moved()
    with pytest.raises(InsufficientCredits), transaction.atomic():
        reserve(who, 6)
    assert moved() == before


def test_refuses_a_kind_by_which_nothing_is_spent(person: Person) -> None:
    who = person(paid=5)
    before = moved()
    for values in ({"kind": "gift"}, {"kind": "refund"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            reserve(who, 5, **values)
    with pytest.raises(DatabaseError), transaction.atomic():
        reserve(who, -1)
    assert moved() == before


def test_a_raise_holds_the_total(person: Person) -> None:
    who = person(paid=50, bonus=30)
    held = reserve(who, 20)
    more = hold_raise(hold_id=held.hold_id, amount_total=70, at=AT)
    assert (more.paid, more.bonus, more.balance) == (40, 30, 10)
    assert buckets(who) == (10, 0, 40, 30)
    before = moved()
    for total in (70, 20, 0):
        assert hold_raise(hold_id=held.hold_id, amount_total=total, at=AT).replayed
    assert moved() == before
    with pytest.raises(InsufficientCredits), transaction.atomic():
        hold_raise(hold_id=held.hold_id, amount_total=81, at=AT)
    assert moved() == before


@pytest.mark.parametrize(
    ("bonus_first", "amount", "paid", "bonus"), [(True, 10, 0, 10), (True, 45, 15, 30), (False, 10, 10, 0), (False, 50, 30, 20)]
)
def test_a_capture_charges_a_part_and_gives_back_the_rest(person: Person, bonus_first: bool, amount: int, paid: int, bonus: int) -> None:
    who = person(paid=30, bonus=30)
    held = reserve(who, 50, bonus_first=bonus_first)
    done = hold_capture(hold_id=held.hold_id, amount=amount, key="c", at=AT)
    assert (done.paid, done.bonus, done.charged, done.balance) == (paid, bonus, amount, 60 - amount)
    assert buckets(who) == (30 - paid, 30 - bonus, 0, 0)
    row = Hold.objects.get()
    assert (row.state, row.charged, row.resolution_id) == ("captured", amount, done.transaction_id)
    assert Wallet.objects.get(pk=who).spent == amount


def test_a_capture_never_takes_more_than_is_held(person: Person) -> None:
    who = person(paid=100)
    held = reserve(who, 50)
    assert hold_capture(hold_id=held.hold_id, amount=80, key="c", at=AT).charged == 50
    assert buckets(who) == (50, 0, 0, 0)


def test_a_capture_of_nothing_gives_all_back(person: Person) -> None:
    who = person(paid=100)
    held = reserve(who, 50)
    assert hold_capture(hold_id=held.hold_id, amount=0, key="c", at=AT).charged == 0
    assert buckets(who) == (100, 0, 0, 0)


def test_a_release_gives_all_back(person: Person) -> None:
    who = person(paid=50, bonus=30)
    held = reserve(who, 60)
    done = hold_release(hold_id=held.hold_id, key="r", at=AT)
    assert (done.paid, done.bonus, done.balance, done.charged) == (30, 30, 80, 0)
    assert buckets(who) == (50, 30, 0, 0)
    assert Wallet.objects.get(pk=who).spent == 0


def test_resolves_once(person: Person) -> None:
    who = person(paid=50)
    held = reserve(who, 20)
    first = hold_capture(hold_id=held.hold_id, amount=15, key="c", at=AT)
    before = moved()
    again = hold_capture(hold_id=held.hold_id, amount=15, key="c", at=AT)
    assert (again.transaction_id, again.charged, again.balance, again.replayed) == (first.transaction_id, 15, 35, True)
    with pytest.raises(HoldResolved) as refusal, transaction.atomic():
        hold_capture(hold_id=held.hold_id, amount=15, key="c2", at=AT)
    assert refusal.value.params == {"state": "captured"}
    with pytest.raises(HoldResolved), transaction.atomic():
        hold_release(hold_id=held.hold_id, key="r", at=AT)
    with pytest.raises(HoldResolved), transaction.atomic():
        hold_raise(hold_id=held.hold_id, amount_total=30, at=AT)
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        hold_capture(hold_id=held.hold_id, amount=16, key="c", at=AT)
    assert moved() == before


def test_a_release_repeats_under_its_key_only(person: Person) -> None:
    held = reserve(person(paid=50), 20)
    hold_release(hold_id=held.hold_id, key="r", at=AT)
    before = moved()
    assert hold_release(hold_id=held.hold_id, key="r", at=AT).replayed
    with pytest.raises(HoldResolved) as refusal, transaction.atomic():
        hold_release(hold_id=held.hold_id, key="r2", at=AT)
    assert refusal.value.params == {"state": "released"}
    with pytest.raises(HoldResolved), transaction.atomic():
        hold_capture(hold_id=held.hold_id, amount=20, key="c", at=AT)
    assert moved() == before


def test_an_unknown_hold_is_refused(person: Person) -> None:
    person()
    for call in (
        lambda: hold_release(hold_id=0, key="r", at=AT),
        lambda: hold_raise(hold_id=0, amount_total=1, at=AT),
        lambda: hold_capture(hold_id=0, amount=1, key="c", at=AT),
    ):
        with pytest.raises(HoldNotFound), transaction.atomic():
            call()


def test_a_held_fee_pays_the_creator_when_captured(person: Person) -> None:
    payer, creator = person(paid=1, bonus=20), person()
    held = reserve(payer, 3, kind="remix", bonus_first=False)
    done = hold_capture(hold_id=held.hold_id, amount=3, key="c", at=AT, to_user_id=creator)
    assert (done.paid, done.bonus) == (1, 2)
    wallet = Wallet.objects.get(pk=creator)
    assert (wallet.coins_pending, wallet.bonus) == (90, 1)
    assert Maturing.objects.get().transaction_id == done.transaction_id


def test_a_held_fee_cannot_pay_its_own_payer(person: Person) -> None:
    payer = person(paid=10)
    held = reserve(payer, 3, kind="remix")
    before = moved()
    with pytest.raises(SelfTransfer), transaction.atomic():
        hold_capture(hold_id=held.hold_id, amount=3, key="c", at=AT, to_user_id=payer)
    assert moved() == before
