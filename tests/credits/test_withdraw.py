"""Coins that leave: each withdrawal begins once and ends once, and money moves with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Sum

from accounts.exceptions import IdempotencyConflict
from credits.exceptions import InsufficientCoins, SourceUnknown, WithdrawalNotLeaving
from credits.models import Posting, Wallet
from credits.selectors.wallet import ledger_page
from credits.services.money import money_move
from credits.services.wallet import mature, transfer
from credits.services.withdraw import Leaving, withdraw_begin, withdraw_pay, withdraw_return, withdraw_reverse
from tests.credits.conftest import AT, Person, make_person, moved

pytestmark = pytest.mark.django_db

LATER = AT + dt.timedelta(days=8)


def creator(coins: int = 9_000) -> int:
    """Somebody with available coins (hundredths)."""
    who, payer = make_person(), make_person(paid=coins // 90)
    transfer(from_user_id=payer, to_user_id=who, key="t", kind="tip", ref="w", amount=coins // 90, at=AT)
    mature(at=LATER)
    return who


def coins(who: int) -> tuple[int, int]:
    """Available and leaving."""
    wallet = Wallet.objects.get(pk=who)
    return wallet.coins, wallet.coins_leaving


def balance(account: str, unit: str) -> int:
    return Posting.objects.filter(account=account, unit=unit).aggregate(sum=Sum("amount"))["sum"] or 0


def begin(who: int, hundredths: int = 6_000, *, ref: str = "w:1", key: str = "") -> Leaving:
    return withdraw_begin(user_id=who, key=key or ref, ref=ref, hundredths=hundredths, at=LATER)


def give_back(who: int, hundredths: int = 6_000, *, ref: str = "w:1", key: str = "return") -> Leaving:
    return withdraw_return(user_id=who, key=key, ref=ref, hundredths=hundredths, at=LATER)


def send(who: int, hundredths: int = 6_000, *, ref: str = "w:1", key: str = "pay", channel: str = "sandbox", cents: int = 300) -> Leaving:
    return withdraw_pay(user_id=who, key=key, ref=ref, hundredths=hundredths, channel=channel, amount_cents=cents, at=LATER)


def reverse(who: int, hundredths: int = 6_000, *, ref: str = "w:1", key: str = "reverse", channel: str = "sandbox") -> Leaving:
    return withdraw_reverse(user_id=who, key=key, ref=ref, hundredths=hundredths, channel=channel, amount_cents=300, at=LATER)


def test_coins_leave_and_are_paid() -> None:
    who = creator()
    begin(who)
    assert coins(who) == (3_000, 6_000)
    assert ledger_page(who, limit=1)[0].coins_balance == 3_000
    cash = balance("cash:sandbox", "cny")
    send(who)
    assert coins(who) == (3_000, 0)
    assert (balance("payouts", "coins"), balance("payouts", "cny"), balance("cash:sandbox", "cny")) == (6_000, 300, cash - 300)


def test_a_returned_withdrawal_gives_the_coins_back() -> None:
    who = creator()
    begin(who)
    give_back(who)
    assert coins(who) == (9_000, 0)
    assert begin(who, ref="w:2").replayed is False


def test_a_reversed_payment_gives_coins_and_money_back() -> None:
    who = creator()
    cash = balance("cash:sandbox", "cny")
    begin(who)
    send(who)
    reverse(who)
    assert coins(who) == (9_000, 0)
    assert (balance("payouts", "coins"), balance("payouts", "cny"), balance("cash:sandbox", "cny")) == (0, 0, cash)


def test_two_withdrawals_end_each_for_itself() -> None:
    who = creator()
    begin(who, 4_000, ref="w:1")
    begin(who, 5_000, ref="w:2")
    give_back(who, 5_000, ref="w:2")
    send(who, 4_000, ref="w:1")
    assert coins(who) == (5_000, 0)


def test_repeats_answer_the_first_and_other_input_is_refused() -> None:
    who = creator()
    steps: list[Callable[..., Leaving]] = [begin, send, reverse]
    for step in steps:
        first = step(who)
        before = moved()
        assert step(who) == Leaving(first.transaction_id, True)
        with pytest.raises(IdempotencyConflict), transaction.atomic():
            step(who, 5_999)
        assert moved() == before


def test_more_than_is_available_stays() -> None:
    who = creator()
    before = moved()
    with pytest.raises(InsufficientCoins) as refusal, transaction.atomic():
        begin(who, 9_001)
    assert refusal.value.params == {"available_hundredths": 9_000, "required_hundredths": 9_001}
    with pytest.raises(InsufficientCoins), transaction.atomic():
        begin(make_person(), 1, ref="w:9")
    assert moved()[1:] == before[1:]


def test_pending_coins_do_not_leave(person: Person) -> None:
    who, payer = person(), person(paid=10)
    transfer(from_user_id=payer, to_user_id=who, key="t", kind="tip", ref="w", amount=10, at=AT)
    with pytest.raises(InsufficientCoins), transaction.atomic():
        begin(who, 900)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda who: give_back(who, 5_999),
        lambda who: give_back(who, ref="w:2"),
        lambda who: send(who, 6_001),
        lambda who: send(who, ref="w:2"),
        lambda who: reverse(who),
        lambda who: give_back(make_person()),
    ],
    ids=["other amount", "other reference", "more", "paid under another reference", "not paid yet", "somebody else"],
)
def test_ends_only_what_is_leaving(wrong: Callable[[int], Any]) -> None:
    who = creator()
    begin(who)
    with pytest.raises(WithdrawalNotLeaving), transaction.atomic():
        wrong(who)
    assert coins(who) == (3_000, 6_000)


@pytest.mark.parametrize("ending", [give_back, send])
def test_ends_once_whatever_the_key(ending: Callable[..., Leaving]) -> None:
    who = creator()
    begin(who)
    ending(who)
    before = moved()
    for again in (give_back, send):
        with pytest.raises(WithdrawalNotLeaving), transaction.atomic():
            again(who, key="other")
    assert moved() == before


def test_a_payment_comes_back_once_and_a_returned_one_never() -> None:
    who, other = creator(), creator()
    for one, ending in ((who, send), (other, give_back)):
        begin(one)
        ending(one)
    reverse(who)
    before = moved()
    for one in (who, other):
        with pytest.raises(WithdrawalNotLeaving), transaction.atomic():
            reverse(one, key="other")
    assert moved() == before


def test_a_reference_stands_for_one_withdrawal() -> None:
    who = creator()
    begin(who)
    before = moved()
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        begin(who, 1_000, key="other")
    give_back(who)
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        begin(who, 1_000, key="other")
    assert len(moved()) == len(before)
    assert coins(who) == (9_000, 0)


@pytest.mark.parametrize(
    "wrong", [lambda who: begin(who, 0), lambda who: begin(who, -1), lambda who: send(who, cents=0), lambda who: send(who, cents=-5)]
)
def test_refuses_what_is_no_amount(wrong: Callable[[int], Any]) -> None:
    who = creator()
    begin(who, 6_000, ref="w:1", key="first")
    before = moved()
    with pytest.raises(DatabaseError), transaction.atomic():
        wrong(who)
    assert moved() == before


def test_a_channel_without_cash_pays_nothing() -> None:
    who = creator()
    begin(who)
    before = moved()
    with pytest.raises(SourceUnknown), transaction.atomic():
        send(who, channel="barter")
    assert moved() == before


# money apart from withdrawals


def move(who: int, cents: int, *, account: str = "refunds", channel: str = "sandbox", key: str = "m") -> int:
    return money_move(user_id=who, key=key, ref="refund:1", channel=channel, amount_cents=cents, account=account, at=AT)


@pytest.mark.parametrize("account", ["refunds", "losses", "payouts"])
def test_money_moves_between_cash_and_an_account(person: Person, account: str) -> None:
    who = person(paid=100)
    done = move(who, -400, account=account)
    assert (balance("cash:sandbox", "cny"), balance(account, "cny")) == (600, 400)
    assert move(who, 400, account=account, key="back") > done
    assert (balance("cash:sandbox", "cny"), balance(account, "cny")) == (1_000, 0)


def test_money_moves_once_a_key(person: Person) -> None:
    who = person(paid=100)
    done = move(who, -400)
    before = moved()
    assert move(who, -400) == done
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        move(who, -401)
    assert moved() == before


@pytest.mark.parametrize("wrong", [{"account": "sales"}, {"account": "usage"}, {"channel": "barter"}, {"channel": ""}])
def test_money_moves_only_where_it_may(person: Person, wrong: dict[str, str]) -> None:
    who = person(paid=100)
    before = moved()
    with pytest.raises(SourceUnknown), transaction.atomic():
        move(who, -400, **wrong)
    with pytest.raises(DatabaseError), transaction.atomic():
        move(who, 0)
    assert moved() == before
