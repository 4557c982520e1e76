"""Take-backs: what is unspent goes back, what is missing is owed, and whatever comes in repays it first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from accounts.exceptions import IdempotencyConflict
from credits.exceptions import HoldResolved, RefundExceedsUnspent, TakebackNotFound, WalletFrozen
from credits.models import Campaign, Posting, Repayment, Wallet
from credits.models import Takeback as Row
from credits.selectors.wallet import ledger_page
from credits.services.campaign import campaign_promise, promise_pay
from credits.services.entitlement import entitlement_set
from credits.services.hold import hold, hold_capture, hold_raise, hold_release
from credits.services.takeback import Takeback, takeback, takeback_restore, wallet_freeze, wallet_unfreeze
from credits.services.wallet import Movement, bonus_free, grant, pay, refund, spend, transfer
from credits.services.withdraw import withdraw_begin
from tests.credits.conftest import AT, Person, buckets, execute, make_person, order_settle
from tests.credits.conftest import moved as books_moved

pytestmark = pytest.mark.django_db


def moved() -> tuple[Any, ...]:
    """Everything that a refusal must leave as it was."""
    return (*books_moved(), list(Row.objects.order_by("pk").values_list()), Repayment.objects.count())


def take(who: int, paid: int, bonus: int = 0, *, key: str = "b", may_owe: bool = True) -> Takeback:
    return takeback(user_id=who, key=key, ref="refund:1", paid=paid, bonus=bonus, may_owe=may_owe, at=AT)


def owes(who: int) -> int:
    return Wallet.objects.get(pk=who).shortfall


def debtor(shortfall: int) -> int:
    """Somebody who spent all that they had bought, and owes this much of it."""
    who = make_person(paid=shortfall)
    spend(user_id=who, key="all", ref="task:0", amount=shortfall, at=AT)
    assert take(who, shortfall, key="debt").shortfall == shortfall
    return who


# taking


def test_takes_both_parts_of_what_is_unspent(person: Person) -> None:
    who = person(paid=100, bonus=30)
    done = take(who, 60, 10, may_owe=False)
    assert done == Takeback(done.takeback_id, done.transaction_id, 60, 10, 0, 60, False)
    assert buckets(who) == (40, 20, 0, 0)
    assert Posting.objects.get(transaction_id=done.transaction_id, account="refunds").amount == 70


def test_bonus_credits_are_taken_as_far_as_they_are_there(person: Person) -> None:
    who = person(paid=100, bonus=5)
    assert take(who, 50, 10, may_owe=False).bonus == 5
    assert (buckets(who), owes(who)) == ((50, 0, 0, 0), 0)


def test_more_than_is_unspent_is_refused(person: Person) -> None:
    who = person(paid=100, bonus=50)
    spend(user_id=who, key="s", ref="task:1", amount=30, bonus_first=False, at=AT)
    before = moved()
    with pytest.raises(RefundExceedsUnspent) as refusal, transaction.atomic():
        take(who, 71, may_owe=False)
    assert refusal.value.params == {"unspent": 70, "required": 71}
    assert moved() == before


def test_bonus_stands_in_for_paid_credits_and_the_rest_is_owed(person: Person) -> None:
    who = person(paid=100, bonus=30)
    spend(user_id=who, key="s", ref="task:1", amount=80, bonus_first=False, at=AT)
    done = take(who, 100, 20)
    assert (done.paid, done.bonus, done.shortfall, done.balance) == (20, 30, 50, 0)
    assert Row.objects.get().bonus_instead == 30
    assert (buckets(who), owes(who)) == ((0, 0, 0, 0), 50)


def test_the_bonus_of_the_order_is_taken_after_what_stands_in(person: Person) -> None:
    who = person(paid=100, bonus=30)
    spend(user_id=who, key="s", ref="task:1", amount=10, bonus_first=False, at=AT)
    assert (take(who, 100, 15).bonus, Row.objects.get().bonus_instead) == (25, 10)
    assert (buckets(who), owes(who)) == ((0, 5, 0, 0), 0)


def test_an_empty_wallet_owes_all_of_it(person: Person) -> None:
    who = person()
    assert take(who, 40).shortfall == 40
    assert take(who, 2, key="b2").shortfall == 2
    assert (buckets(who), owes(who)) == ((0, 0, 0, 0), 42)
    assert not Posting.objects.exists()


def test_repeats_answer_the_first_take_back(person: Person) -> None:
    who = person(paid=10)
    first = take(who, 25)
    grant(user_id=who, key="g", kind="gift", ref="x", bonus=5, source="campaign:activities", at=AT)
    before = moved()
    again = take(who, 25)
    assert (again.takeback_id, again.transaction_id, again.shortfall, again.replayed) == (first.takeback_id, first.transaction_id, 15, True)
    for paid, may_owe in ((24, True), (25, False)):
        with pytest.raises(IdempotencyConflict), transaction.atomic():
            take(who, paid, may_owe=may_owe)
    assert moved() == before


@pytest.mark.parametrize(("paid", "bonus"), [(-1, 0), (0, -1)])
def test_refuses_what_is_no_amount(person: Person, paid: int, bonus: int) -> None:
    who = person(paid=10, bonus=10)
    before = moved()
    with pytest.raises(DatabaseError), transaction.atomic():
        take(who, paid, bonus)
    assert moved() == before


# a frozen wallet


OUTGOING: dict[str, Callable[[int, int], Any]] = {
    "spend": lambda who, other: spend(user_id=who, key="x", ref="task:1", amount=1, at=AT),
    "free spend": lambda who, other: spend(user_id=who, key="x", ref="task:1", amount=0, at=AT),
    "entitlement": lambda who, other: spend(user_id=who, key="x", ref="task:1", amount=1, entitlement="studio", at=AT),
    "pay": lambda who, other: pay(user_id=who, key="x", ref="order:1", amount=1, at=AT),
    "hold": lambda who, other: hold(user_id=who, key="x", ref="task:1", amount=1, at=AT),
    "raise": lambda who, other: hold_raise(hold_id=who, amount_total=90, at=AT),
    "transfer": lambda who, other: transfer(from_user_id=who, to_user_id=other, key="x", kind="tip", ref="w", amount=1, at=AT),
    "withdraw": lambda who, other: withdraw_begin(user_id=who, key="x", ref="w:1", hundredths=1, at=AT),
}


@pytest.mark.parametrize("what", OUTGOING)
@pytest.mark.parametrize("is_disputed", [True, False], ids=["disputed", "owing"])
def test_nothing_leaves_a_frozen_wallet(person: Person, what: str, is_disputed: bool) -> None:
    who, other = person(paid=100), person()
    bonus_free(user_id=who)
    entitlement_set(user_id=who, name="studio", valid_from=AT, valid_until=AT + dt.timedelta(days=1), daily_units=5)
    held = hold(user_id=who, key="h", ref="task:0", amount=10, at=AT)
    if is_disputed:
        wallet_freeze(user_id=who)
    else:
        take(who, 95)
    before = moved()
    with pytest.raises(WalletFrozen) as refusal, transaction.atomic():
        OUTGOING[what](held.hold_id if what == "raise" else who, other)
    assert refusal.value.params == {"shortfall": 0 if is_disputed else 5, "disputes": int(is_disputed)}
    assert moved() == before


def test_what_was_done_before_the_freeze_is_answered_again(person: Person) -> None:
    who = person(paid=100)
    first = spend(user_id=who, key="s", ref="task:1", amount=10, at=AT)
    wallet_freeze(user_id=who)
    assert spend(user_id=who, key="s", ref="task:1", amount=10, at=AT).transaction_id == first.transaction_id


def test_a_frozen_wallet_receives_and_resolves(person: Person) -> None:
    who, payer = person(paid=100), person(bonus=20)
    bonus_free(user_id=payer)
    spend(user_id=who, key="s", ref="task:1", amount=10, at=AT)
    holds = [hold(user_id=who, key=f"h{n}", ref="task:2", amount=20, at=AT) for n in range(2)]
    wallet_freeze(user_id=who)
    refund(user_id=who, key="r", spend_key="s", at=AT)
    hold_capture(hold_id=holds[0].hold_id, amount=15, key="c", at=AT)
    hold_release(hold_id=holds[1].hold_id, key="x", at=AT)
    transfer(from_user_id=payer, to_user_id=who, key="t", kind="tip", ref="w", amount=10, at=AT)
    assert buckets(who) == (85, 9, 0, 0)


def test_every_dispute_must_end_before_the_wallet_is_free(person: Person) -> None:
    who = person(paid=10)
    wallet_freeze(user_id=who)
    wallet_freeze(user_id=who)
    wallet_unfreeze(user_id=who)
    with pytest.raises(WalletFrozen), transaction.atomic():
        spend(user_id=who, key="s", ref="task:1", amount=1, at=AT)
    wallet_unfreeze(user_id=who)
    assert spend(user_id=who, key="s", ref="task:1", amount=1, at=AT).charged == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        wallet_unfreeze(user_id=who)


# repaying


def granted(who: int) -> Movement:
    return grant(user_id=who, key="in", kind="gift", ref="x", bonus=30, source="campaign:activities", at=AT)


def settled(who: int) -> Any:
    return order_settle(who, paid=30, key="in")


def promised(who: int) -> Movement:
    promise = campaign_promise(user_id=who, slug="coupons", key="p", ref="x", amount=30, at=AT)
    return promise_pay(promise_id=promise.promise_id or 0, key="in", kind="claim", ref="x", amount=30, at=AT)


@pytest.mark.parametrize(("source", "bucket"), [(granted, "bonus"), (settled, "paid"), (promised, "bonus")])
@pytest.mark.parametrize(("shortfall", "left", "open_after"), [(50, 0, 20), (30, 0, 0), (20, 10, 0)])
def test_what_comes_in_repays_first(source: Callable[[int], Any], bucket: str, shortfall: int, left: int, open_after: int) -> None:
    who = debtor(shortfall)
    done = source(who)
    assert (getattr(done, bucket), done.balance, done.replayed) == (30, left, False)
    assert (sum(buckets(who)), owes(who)) == (left, open_after)
    row = Row.objects.get()
    assert getattr(row, f"repaid_{bucket}") == row.repaid_paid + row.repaid_bonus == shortfall - open_after
    again = source(who)
    assert (getattr(again, bucket), again.balance, again.replayed) == (30, left, True)
    (newest,) = ledger_page(who, limit=1)
    assert (newest.credits, newest.credits_balance) == (left, left)


def test_paid_credits_repay_before_bonus(person: Person) -> None:
    who = debtor(50)
    order_settle(who, paid=40, bonus=30, key="in")
    row = Row.objects.get()
    assert (row.repaid_paid, row.repaid_bonus) == (40, 10)
    assert (buckets(who), owes(who)) == ((0, 20, 0, 0), 0)


def test_the_oldest_take_back_is_repaid_first() -> None:
    who = debtor(20)
    take(who, 15, key="second")
    order_settle(who, paid=30, key="in")
    assert list(Row.objects.order_by("pk").values_list("repaid_paid", flat=True)) == [20, 10]
    assert owes(who) == 5


def test_a_refunded_spend_repays() -> None:
    who = debtor(50)
    done = refund(user_id=who, key="r", spend_key="all", at=AT)
    assert (done.paid, done.balance, done.charged) == (50, 0, 50)
    assert refund(user_id=who, key="r", spend_key="all", at=AT) == Movement(done.transaction_id, 50, 0, 0, 50, True)
    assert (buckets(who), owes(who), Wallet.objects.get(pk=who).spent) == ((0, 0, 0, 0), 0, 0)


def test_a_released_hold_repays(person: Person) -> None:
    who = person(paid=60, bonus=10)
    held = hold(user_id=who, key="h", ref="task:1", amount=70, at=AT)
    take(who, 40)
    done = hold_release(hold_id=held.hold_id, key="x", at=AT)
    assert (done.paid, done.bonus, done.balance) == (60, 10, 30)
    assert hold_release(hold_id=held.hold_id, key="x", at=AT) == Movement(done.transaction_id, 60, 10, 30, 0, True)
    assert (buckets(who), owes(who)) == ((20, 10, 0, 0), 0)


def test_the_rest_of_a_captured_hold_repays_and_its_refund_gives_back_the_charge(person: Person) -> None:
    who = person(paid=60)
    held = hold(user_id=who, key="h", ref="task:1", amount=60, at=AT)
    take(who, 50)
    done = hold_capture(hold_id=held.hold_id, amount=25, key="c", at=AT)
    assert (done.paid, done.charged, done.balance, owes(who)) == (25, 25, 0, 15)
    assert hold_capture(hold_id=held.hold_id, amount=25, key="c", at=AT).paid == 25
    with pytest.raises(HoldResolved), transaction.atomic():
        hold_release(hold_id=held.hold_id, key="x", at=AT)
    assert refund(user_id=who, key="r", spend_key="c", at=AT).paid == 25
    assert (buckets(who), owes(who)) == ((10, 0, 0, 0), 0)


def test_the_bonus_of_a_tip_repays_the_creators_shortfall(person: Person) -> None:
    who, payer = debtor(50), person(paid=10, bonus=20)
    bonus_free(user_id=payer)
    done = transfer(from_user_id=payer, to_user_id=who, key="t", kind="tip", ref="w", amount=30, at=AT)
    assert (done.bonus_received, done.coins_hundredths, owes(who)) == (18, 900, 32)
    again = transfer(from_user_id=payer, to_user_id=who, key="t", kind="tip", ref="w", amount=30, at=AT)
    assert (again.bonus_received, again.coins_hundredths, again.replayed) == (18, 900, True)
    assert Wallet.objects.get(pk=who).coins_pending == 900


def test_a_capture_repays_both_the_payer_and_the_payee(person: Person) -> None:
    who, payee = person(bonus=40), debtor(50)
    held = hold(user_id=who, key="h", kind="remix", ref="task:1", amount=40, at=AT)
    take(who, 10)
    hold_capture(hold_id=held.hold_id, amount=30, key="c", at=AT, to_user_id=payee)
    assert (owes(who), buckets(who), owes(payee)) == (0, (0, 0, 0, 0), 23)


# restoring


def test_restores_the_same_buckets_once(person: Person) -> None:
    who = person(paid=100, bonus=30)
    done = take(who, 60, 10)
    back = takeback_restore(takeback_id=done.takeback_id, key="back", at=AT)
    assert back == Movement(back.transaction_id, 60, 10, 130, 0, False)
    assert buckets(who) == (100, 30, 0, 0)
    before = moved()
    for key in ("back", "other"):
        assert takeback_restore(takeback_id=done.takeback_id, key=key, at=AT) == Movement(back.transaction_id, 60, 10, 130, 0, True)
    assert moved() == before


def test_restoring_a_debt_cancels_it(person: Person) -> None:
    who = person()
    done = take(who, 40)
    assert takeback_restore(takeback_id=done.takeback_id, key="back", at=AT).balance == 0
    assert (owes(who), buckets(who)) == (0, (0, 0, 0, 0))
    grant(user_id=who, key="g", kind="gift", ref="x", bonus=5, source="campaign:activities", at=AT)
    assert buckets(who) == (0, 5, 0, 0)


def test_what_was_repaid_comes_back_in_the_bucket_it_came_from(person: Person) -> None:
    who = person(paid=100, bonus=10)
    spend(user_id=who, key="s", ref="task:1", amount=90, bonus_first=False, at=AT)
    done = take(who, 100)
    assert owes(who) == 80
    grant(user_id=who, key="g", kind="gift", ref="x", bonus=25, source="campaign:activities", at=AT)
    order_settle(who, paid=30, key="in")
    assert (owes(who), buckets(who)) == (25, (0, 0, 0, 0))
    back = takeback_restore(takeback_id=done.takeback_id, key="back", at=AT)
    assert (back.paid, back.bonus, back.balance) == (40, 35, 75)
    assert (owes(who), buckets(who)) == (0, (40, 35, 0, 0))


def test_what_is_restored_repays_another_debt(person: Person) -> None:
    who = person(paid=100)
    first = take(who, 60)
    take(who, 90, key="second")
    assert owes(who) == 50
    back = takeback_restore(takeback_id=first.takeback_id, key="back", at=AT)
    assert (back.paid, back.balance) == (60, 10)
    assert (owes(who), buckets(who)) == (0, (10, 0, 0, 0))
    assert takeback_restore(takeback_id=first.takeback_id, key="again", at=AT).paid == 60


def test_refuses_to_restore_what_is_not_there_and_a_key_that_is_taken(person: Person) -> None:
    who = person(paid=100)
    done = take(who, 60)
    before = moved()
    with pytest.raises(TakebackNotFound), transaction.atomic():
        takeback_restore(takeback_id=done.takeback_id + 1, key="back", at=AT)
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        takeback_restore(takeback_id=done.takeback_id, key="b", at=AT)
    assert moved() == before


# what the database refuses by itself


@pytest.mark.books_broken
@pytest.mark.parametrize("fields", [{"shortfall": -1}, {"disputes": -1}, {"shortfall": 1}])
def test_a_wallet_owes_only_when_it_is_empty(person: Person, fields: dict[str, int]) -> None:
    who = person(paid=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.filter(pk=who).update(**fields)


@pytest.mark.books_broken
@pytest.mark.parametrize("fields", [{"repaid_paid": 51}, {"repaid_bonus": -1}, {"bonus_instead": 1}, {"paid": -1}])
def test_a_take_back_is_never_repaid_more_than_it_is_owed(fields: dict[str, int]) -> None:
    debtor(50)
    with pytest.raises(IntegrityError), transaction.atomic():
        Row.objects.update(**fields)


@pytest.mark.books_broken
def test_repayments_and_take_backs_stay() -> None:
    who = debtor(50)
    granted(who)
    for statement in ("UPDATE credits_repayment SET paid = 1", "DELETE FROM credits_repayment", "DELETE FROM credits_takeback"):
        with pytest.raises(IntegrityError), transaction.atomic():
            execute(statement)


def test_campaigns_pay_once_however_much_was_owed() -> None:
    who = debtor(50)
    before = Campaign.objects.get(slug="activities").remaining_credits
    granted(who)
    assert Campaign.objects.get(slug="activities").remaining_credits == before - 30
