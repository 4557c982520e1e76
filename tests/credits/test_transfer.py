"""Tips, unlocks and fees: what a payer gives, what a creator gets, and when."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, transaction

from accounts.exceptions import IdempotencyConflict
from accounts.models import Identity
from credits.exceptions import InsufficientCredits, SelfTransfer
from credits.models import Maturing, Posting, Wallet
from credits.services.wallet import Transfer, bonus_free, mature, pays_pending_until, transfer
from tests.credits.conftest import AT, Person, buckets, moved

pytestmark = pytest.mark.django_db

WEEK = dt.timedelta(days=7)


def tip(payer: int, creator: int, amount: int, key: str = "t") -> Transfer:
    return transfer(from_user_id=payer, to_user_id=creator, key=key, kind="tip", ref="work:1", amount=amount, at=AT)


def test_the_paid_part_becomes_pending_coins(person: Person) -> None:
    payer, creator = person(paid=50), person()
    done = tip(payer, creator, 20)
    assert done == Transfer(done.transaction_id, 20, 0, 30, 1800, 0, False)
    assert buckets(payer) == (30, 0, 0, 0)
    wallet = Wallet.objects.get(pk=creator)
    assert (wallet.coins_pending, wallet.coins, wallet.bonus, wallet.spent) == (1800, 0, 0, 0)
    assert Wallet.objects.get(pk=payer).spent == 20
    assert Maturing.objects.get().matures_at == AT + WEEK


def test_each_part_of_a_mixed_payment_is_split_for_itself(person: Person) -> None:
    payer, creator = person(paid=3, bonus=20), person()
    done = tip(payer, creator, 12)
    assert (done.paid, done.bonus, done.coins_hundredths, done.bonus_received) == (3, 9, 270, 8)
    commission = {(p.unit, p.amount) for p in Posting.objects.filter(account="commission")}
    assert commission == {("credits", 4), ("coins", -270)}


def test_a_gift_never_becomes_coins(person: Person) -> None:
    payer, creator = person(bonus=50), person()
    bonus_free(user_id=payer)
    assert tip(payer, creator, 50).coins_hundredths == 0
    assert Wallet.objects.get(pk=creator).coins_pending == 0
    assert buckets(creator) == (0, 45, 0, 0)


def test_bonus_of_an_unproven_account_is_for_generation_only(person: Person) -> None:
    payer, creator = person(bonus=50), person()
    before = moved()
    with pytest.raises(InsufficientCredits) as refusal, transaction.atomic():
        tip(payer, creator, 10)
    assert refusal.value.params == {"current_balance": 0, "required": 10}
    assert moved() == before


@pytest.mark.parametrize(("kind", "is_free"), [("phone", True), ("google", True), ("wechat", True), ("email", False)])
def test_a_proven_phone_or_outside_identity_frees_the_bonus(person: Person, kind: str, is_free: bool) -> None:
    payer, creator = person(bonus=50), person()
    Identity.objects.create(user_id=payer, kind=kind, subject="someone", verified_at=AT)
    if is_free:
        assert tip(payer, creator, 10).bonus == 10
    else:
        with pytest.raises(InsufficientCredits), transaction.atomic():
            tip(payer, creator, 10)


def test_refuses_oneself_and_what_is_not_there(person: Person) -> None:
    payer, creator = person(paid=5), person()
    before = moved()
    with pytest.raises(SelfTransfer), transaction.atomic():
        tip(payer, payer, 5)
    with pytest.raises(InsufficientCredits), transaction.atomic():
        tip(payer, creator, 6)
    for amount in (0, -5):
        with pytest.raises(DatabaseError), transaction.atomic():
            tip(payer, creator, amount)
    assert moved() == before


@pytest.mark.parametrize("share", [-1, 101])
def test_refuses_a_share_beyond_the_whole(person: Person, share: int) -> None:
    payer, creator = person(paid=5), person()
    before = moved()
    with pytest.raises(DatabaseError), transaction.atomic():
        transfer(from_user_id=payer, to_user_id=creator, key="t", kind="tip", ref="x", amount=5, share_percent=share, at=AT)
    assert moved() == before


def test_repeats_answer_the_first_transfer(person: Person) -> None:
    payer, creator = person(paid=3, bonus=20), person()
    first = tip(payer, creator, 12)
    before = moved()
    assert tip(payer, creator, 12) == Transfer(first.transaction_id, 3, 9, 11, 270, 8, True)
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        tip(payer, creator, 11)
    assert moved() == before


def test_coins_mature_when_their_time_has_come_and_once(person: Person) -> None:
    payer, creator = person(paid=50), person()
    tip(payer, creator, 10)
    tip(payer, creator, 20, key="t2")
    assert mature(at=AT + WEEK - dt.timedelta(seconds=1)) == 0
    assert Wallet.objects.get(pk=creator).coins == 0
    assert mature(at=AT + WEEK) == 1
    wallet = Wallet.objects.get(pk=creator)
    assert (wallet.coins_pending, wallet.coins) == (0, 2700)
    before = moved()
    assert mature(at=AT + WEEK) == 0
    assert moved() == before


def test_maturing_goes_in_batches(person: Person) -> None:
    payer = person(paid=50)
    creators = [person() for _ in range(5)]
    for creator in creators:
        tip(payer, creator, 2, key=f"t{creator}")
    assert [mature(at=AT + WEEK, batch=2) for _ in range(4)] == [2, 2, 1, 0]
    assert set(Wallet.objects.filter(pk__in=creators).values_list("coins_pending", "coins")) == {(0, 180)}


def test_coins_of_a_young_card_order_wait_longer(person: Person) -> None:
    payer, creator = person(paid=50), person()
    pays_pending_until(user_id=payer, until=AT + 6 * WEEK)
    pays_pending_until(user_id=payer, until=AT)
    tip(payer, creator, 10)
    assert Maturing.objects.get().matures_at == AT + 6 * WEEK
