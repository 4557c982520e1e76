"""Clawbacks: what disputed credits became at others is taken, blocked or lost, each once, and all of it can come back."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from accounts.exceptions import IdempotencyConflict
from credits.exceptions import WalletFrozen
from credits.models import Clawback, Maturing, Posting, Transaction, Wallet
from credits.selectors.clawback import is_blocked
from credits.services.clawback import Clawed, clawback, clawback_collect, clawback_restore
from credits.services.hold import hold, hold_capture
from credits.services.takeback import takeback
from credits.services.wallet import bonus_free, mature, pays_pending_until, spend, transfer
from credits.services.withdraw import withdraw_begin, withdraw_pay, withdraw_return, withdraw_reverse
from tests.credits.conftest import AT, Person, execute, order_settle
from tests.credits.conftest import moved as books_moved

pytestmark = pytest.mark.django_db

WEEK = dt.timedelta(days=7)
LATER = AT + dt.timedelta(days=8)
NOTHING = Clawed(0, 0, 0, 0, 0)


def moved() -> tuple[Any, ...]:
    """Everything that a refusal or a repeat must leave as it was."""
    return (*books_moved(), list(Clawback.objects.order_by("pk").values_list()), list(Maturing.objects.order_by("pk").values_list()))


def bought(who: int, paid: int = 100, key: str = "order") -> int:
    """The transaction of an order."""
    return int(order_settle(who, paid=paid, key=key).transaction_id)


def tip(payer: int, creator: int, amount: int, key: str = "t") -> int:
    return transfer(from_user_id=payer, to_user_id=creator, key=key, kind="tip", ref="w", amount=amount, at=AT).transaction_id


def claw(payer: int, since: int, credits: int, ref: str = "dispute:1", key: str = "") -> Clawed:
    return clawback(payer_id=payer, key=key or ref, ref=ref, since_transaction_id=since, credits=credits, at=LATER)


def coins(who: int) -> tuple[int, int, int]:
    """Pending, available, leaving."""
    wallet = Wallet.objects.get(pk=who)
    return wallet.coins_pending, wallet.coins, wallet.coins_leaving


def leave(who: int, hundredths: int, ref: str = "w:1") -> None:
    withdraw_begin(user_id=who, key=ref, ref=ref, hundredths=hundredths, at=LATER)


def give_back(who: int, hundredths: int, ref: str = "w:1") -> None:
    withdraw_return(user_id=who, key=f"{ref}:return", ref=ref, hundredths=hundredths, at=LATER)


def send(who: int, hundredths: int, ref: str = "w:1") -> None:
    withdraw_pay(user_id=who, key=f"{ref}:pay", ref=ref, hundredths=hundredths, channel="sandbox", amount_cents=hundredths // 20, at=LATER)


def posted(account: str) -> int:
    return sum(Posting.objects.filter(account=account, unit="coins").values_list("amount", flat=True))


# what is claimed


def test_takes_what_still_matures(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    assert claw(payer, since, 100) == Clawed(60, 5_400, 0, 0, 0)
    assert coins(creator) == (0, 0, 0)
    assert (posted("refunds"), posted("losses")) == (5_400, 0)
    assert mature(at=LATER) == 0


def test_splits_an_income_of_which_only_a_part_is_claimed(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    assert claw(payer, since, 25) == Clawed(25, 2_250, 0, 0, 0)
    assert coins(creator) == (3_150, 0, 0)
    assert mature(at=LATER) == 1
    assert coins(creator) == (0, 3_150, 0)


def test_takes_available_coins_when_they_have_matured(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    assert claw(payer, since, 60) == Clawed(60, 0, 5_400, 0, 0)
    assert coins(creator) == (0, 0, 0)


def test_takes_other_pending_coins_rather_than_losing_any(person: Person) -> None:
    payer, fan, creator = person(), person(paid=20), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 5_400)
    send(creator, 5_400)
    tip(fan, creator, 20)
    assert claw(payer, since, 60) == Clawed(60, 1_800, 0, 0, 3_600)
    assert coins(creator) == (0, 0, 0)
    assert (posted("refunds"), posted("losses")) == (5_400, -3_600)


def test_available_coins_go_before_those_that_others_paid(person: Person) -> None:
    payer, fan, creator = person(), person(paid=20), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    tip(fan, creator, 20)
    assert claw(payer, since, 60) == Clawed(60, 0, 5_400, 0, 0)
    assert coins(creator) == (1_800, 0, 0)


def test_newest_transfers_go_first_and_only_those_after_the_order(person: Person) -> None:
    payer, one, other, third = person(paid=50), person(), person(), person()
    tip(payer, one, 50, key="before")
    since = bought(payer)
    tip(payer, other, 40, key="t1")
    tip(payer, third, 40, key="t2")
    assert claw(payer, since, 60) == Clawed(60, 5_400, 0, 0, 0)
    assert [coins(who)[0] for who in (one, other, third)] == [4_500, 1_800, 0]
    assert claw(payer, since, 100, ref="dispute:2") == Clawed(20, 1_800, 0, 0, 0)
    assert coins(one)[0] == 4_500


def test_claims_only_the_paid_part(person: Person) -> None:
    payer, creator = person(bonus=50), person()
    since = bought(payer, 10)
    bonus_free(user_id=payer)
    tip(payer, creator, 40)
    assert claw(payer, since, 40) == Clawed(10, 900, 0, 0, 0)
    assert Wallet.objects.get(pk=creator).bonus == 27


def test_claims_at_the_share_that_was_paid(person: Person) -> None:
    payer, creator, nobody = person(), person(), person()
    since = bought(payer)
    transfer(from_user_id=payer, to_user_id=creator, key="t", kind="unlock", ref="w", amount=10, share_percent=70, at=AT)
    transfer(from_user_id=payer, to_user_id=nobody, key="n", kind="unlock", ref="w", amount=10, share_percent=0, at=AT)
    assert claw(payer, since, 100) == Clawed(10, 700, 0, 0, 0)


def test_claims_the_fees_of_remixes_and_nothing_that_was_spent(person: Person) -> None:
    payer, creator = person(bonus=5), person()
    since = bought(payer)
    held = hold(user_id=payer, key="h", kind="remix", ref="task:1", amount=40, at=AT)
    hold_capture(hold_id=held.hold_id, amount=30, key="c", at=AT, to_user_id=creator)
    spend(user_id=payer, key="s", ref="task:2", amount=20, at=AT)
    assert claw(payer, since, 100) == Clawed(25, 2_250, 0, 0, 0)


def test_claims_a_fee_whose_rest_repaid_a_debt(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    held = hold(user_id=payer, key="h", kind="remix", ref="task:1", amount=100, at=AT)
    takeback(user_id=payer, key="b", ref="dispute:0", paid=50, bonus=0, may_owe=True, at=AT)
    hold_capture(hold_id=held.hold_id, amount=30, key="c", at=AT, to_user_id=creator)
    assert claw(payer, since, 100) == Clawed(30, 2_700, 0, 0, 0)


def test_nothing_to_claim_is_no_error(person: Person) -> None:
    payer = person()
    since = bought(payer)
    assert claw(payer, since, 100) == NOTHING
    assert claw(payer, since, 0, ref="dispute:2") == NOTHING
    assert clawback_collect(ref="dispute:1", at=LATER) == clawback_restore(ref="none", at=LATER) == NOTHING


def test_two_disputes_never_claim_the_same_credits(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    assert claw(payer, since, 40).credits == 40
    assert claw(payer, since, 100, ref="dispute:2") == Clawed(20, 1_800, 0, 0, 0)
    assert claw(payer, since, 100, ref="dispute:3") == NOTHING
    clawback_restore(ref="dispute:1", at=LATER)
    assert claw(payer, since, 100, ref="dispute:4").credits == 40


def test_repeats_answer_how_it_stands_and_other_input_is_refused(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    first = claw(payer, since, 40)
    before = moved()
    assert claw(payer, since, 40) == first
    for credits, key in ((41, ""), (40, "other")):
        with pytest.raises(IdempotencyConflict), transaction.atomic():
            claw(payer, since, credits, key=key)
    with pytest.raises(DatabaseError), transaction.atomic():
        claw(payer, since, -1, key="negative")
    assert moved() == before


# blocked and lost


def test_coins_in_an_open_withdrawal_are_blocked(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 5_000)
    assert claw(payer, since, 60) == Clawed(60, 0, 400, 5_000, 0)
    assert coins(creator) == (0, 0, 5_000)
    assert is_blocked(creator)
    assert not is_blocked(payer)
    give_back(creator, 5_000)
    before = moved()
    with pytest.raises(WalletFrozen), transaction.atomic():
        leave(creator, 1, ref="w:2")
    assert moved() == before


def test_what_is_blocked_for_one_dispute_is_not_blocked_for_another(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 3_000)
    send(creator, 3_000)
    leave(creator, 2_400, ref="w:2")
    assert claw(payer, since, 20) == Clawed(20, 0, 0, 1_800, 0)
    assert claw(payer, since, 40, ref="dispute:2") == Clawed(40, 0, 0, 600, 3_000)


def test_a_lost_dispute_collects_what_came_back(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 5_000)
    claw(payer, since, 60)
    give_back(creator, 5_000)
    assert clawback_collect(ref="dispute:1", at=LATER) == Clawed(60, 0, 5_400, 0, 0)
    assert (coins(creator), is_blocked(creator)) == ((0, 0, 0), False)
    before = moved()
    assert clawback_collect(ref="dispute:1", at=LATER) == Clawed(60, 0, 5_400, 0, 0)
    assert moved() == before


@pytest.mark.parametrize(("ending", "outcome"), [(give_back, Clawed(60, 0, 5_400, 0, 0)), (send, Clawed(60, 0, 400, 0, 5_000))])
def test_a_lost_dispute_waits_for_an_open_withdrawal(person: Person, ending: Any, outcome: Clawed) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 5_000)
    claw(payer, since, 60)
    assert clawback_collect(ref="dispute:1", at=LATER) == Clawed(60, 0, 400, 5_000, 0)
    assert is_blocked(creator)
    ending(creator, 5_000)
    assert clawback_collect(ref="dispute:1", at=LATER) == outcome
    assert (coins(creator), is_blocked(creator)) == ((0, 0, 0), False)
    assert posted("losses") == -outcome.lost


def test_what_was_paid_out_before_the_dispute_was_lost_is_lost(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 5_000)
    claw(payer, since, 60)
    send(creator, 5_000)
    assert is_blocked(creator)
    assert clawback_collect(ref="dispute:1", at=LATER) == Clawed(60, 0, 400, 0, 5_000)
    assert not is_blocked(creator)


# won


def test_a_won_dispute_gives_everything_back_as_it_was(person: Person) -> None:
    payer, young, old, fan = person(), person(), person(), person(paid=30)
    since = bought(payer)
    tip(payer, old, 30, key="t1")
    mature(at=LATER)
    pays_pending_until(user_id=payer, until=AT + 6 * WEEK)
    tip(payer, young, 30, key="t2")
    tip(fan, old, 10)
    leave(old, 1_000)
    before = [coins(who) for who in (young, old)]
    maturing = sorted(
        Maturing.objects.filter(settled_by=None).values_list("wallet_id", "transaction_id", "amount_hundredths", "matures_at")
    )
    taken = claw(payer, since, 55)
    assert taken == Clawed(55, 2_700 + 550, 1_700, 0, 0)
    assert clawback_restore(ref="dispute:1", at=LATER) == taken
    assert [coins(who) for who in (young, old)] == before
    restored: dict[tuple[int, int, dt.datetime], int] = {}
    for wallet, income, amount, due in Maturing.objects.filter(settled_by=None).values_list(
        "wallet_id", "transaction_id", "amount_hundredths", "matures_at"
    ):
        restored[wallet, income, due] = restored.get((wallet, income, due), 0) + amount
    assert sorted((wallet, income, amount, due) for (wallet, income, due), amount in restored.items()) == maturing
    assert (posted("refunds"), posted("losses")) == (0, 0)
    again = moved()
    assert clawback_restore(ref="dispute:1", at=LATER) == taken
    assert clawback_collect(ref="dispute:1", at=LATER) == taken
    assert moved() == again


def test_a_won_dispute_unblocks(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 5_400)
    claw(payer, since, 60)
    clawback_restore(ref="dispute:1", at=LATER)
    assert (coins(creator), is_blocked(creator)) == ((0, 0, 5_400), False)
    send(creator, 5_400)


@pytest.mark.parametrize("is_paid_out", [False, True])
def test_an_appeal_won_after_the_loss_gives_back_what_was_collected(person: Person, is_paid_out: bool) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 5_000)
    claw(payer, since, 60)
    (send if is_paid_out else give_back)(creator, 5_000)
    clawback_collect(ref="dispute:1", at=LATER)
    clawback_restore(ref="dispute:1", at=LATER)
    assert coins(creator) == (0, 400 if is_paid_out else 5_400, 0)
    assert (posted("refunds"), posted("losses")) == (0, 0)


def test_a_payment_that_came_back_after_the_loss_is_available(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    mature(at=LATER)
    leave(creator, 5_400)
    send(creator, 5_400)
    claw(payer, since, 60)
    withdraw_reverse(user_id=creator, key="r", ref="w:1", hundredths=5_400, channel="sandbox", amount_cents=270, at=LATER)
    assert coins(creator) == (0, 5_400, 0)


def test_a_transfers_repeat_answers_the_same_after_a_clawback(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    first = transfer(from_user_id=payer, to_user_id=creator, key="t", kind="tip", ref="w", amount=10, at=AT)
    claw(payer, since, 5)
    clawback_restore(ref="dispute:1", at=LATER)
    again = transfer(from_user_id=payer, to_user_id=creator, key="t", kind="tip", ref="w", amount=10, at=AT)
    assert (again.coins_hundredths, again.transaction_id) == (first.coins_hundredths, first.transaction_id)


# what the database refuses by itself


@pytest.mark.books_broken
def test_rows_stay_and_stay_whole(person: Person) -> None:
    payer, creator = person(), person()
    since = bought(payer)
    tip(payer, creator, 60)
    claw(payer, since, 60)
    for statement in (
        "DELETE FROM credits_clawback",
        "UPDATE credits_clawback SET lost = -1",
        "UPDATE credits_clawback SET credits = 0",
        "UPDATE credits_clawback SET blocked = 1, settled_at = created_at",
        "INSERT INTO credits_clawback SELECT (jsonb_populate_record(c, '{\"id\": 0}')).* FROM credits_clawback c",
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            execute(statement)
    assert Transaction.objects.filter(kind="adjust").count() == 1
