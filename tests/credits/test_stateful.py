"""The books against a model: whatever happens in whatever order, the wallets are what the model says and the books balance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from credits.exceptions import (
    HoldResolved,
    InsufficientCoins,
    InsufficientCredits,
    RefundExceedsUnspent,
    WalletFrozen,
    WithdrawalNotLeaving,
)
from credits.models import Clawback, Maturing, Wallet
from credits.services.check import check_books
from credits.services.clawback import clawback, clawback_collect, clawback_restore
from credits.services.hold import hold, hold_capture, hold_raise, hold_release
from credits.services.takeback import takeback, takeback_restore, wallet_freeze, wallet_unfreeze
from credits.services.wallet import bonus_free, grant, mature, pay, refund, spend, transfer
from credits.services.withdraw import withdraw_begin, withdraw_pay, withdraw_return
from tests.credits.conftest import AT, make_person, order_settle

USERS = st.integers(0, 2)
AMOUNTS = st.integers(1, 60)


@dataclass
class Purse:
    """What the model thinks that a user has. Coins are told by the books' own proof."""

    paid: int = 0
    bonus: int = 0
    held_paid: int = 0
    held_bonus: int = 0
    spent: int = 0
    shortfall: int = 0
    disputes: int = 0
    debts: list[Taken] = field(default_factory=list)

    @property
    def is_frozen(self) -> bool:
        """Nothing leaves it."""
        return self.shortfall > 0 or self.disputes > 0

    def take(self, amount: int, *, bonus_first: bool) -> tuple[int, int] | None:
        """(paid, bonus) for `amount`, taken; None if there is too little or it is frozen."""
        if self.paid + self.bonus < amount or self.is_frozen:
            return None
        bonus = min(self.bonus, amount) if bonus_first else max(amount - self.paid, 0)
        self.paid, self.bonus = self.paid - (amount - bonus), self.bonus - bonus
        return amount - bonus, bonus

    def put(self, paid: int, bonus: int) -> None:
        """Both come in; debts are repaid first, the oldest first, out of paid credits first."""
        self.paid, self.bonus = self.paid + paid, self.bonus + bonus
        for debt in self.debts:
            for bucket in ("paid", "bonus"):
                part = min(getattr(self, bucket), debt.open)
                setattr(self, bucket, getattr(self, bucket) - part)
                setattr(debt, f"repaid_{bucket}", getattr(debt, f"repaid_{bucket}") + part)
                self.shortfall -= part


@dataclass
class Taken:
    """A take-back as the model sees it."""

    id: int
    owner: int
    paid: int
    bonus: int
    shortfall: int
    repaid_paid: int = 0
    repaid_bonus: int = 0
    is_restored: bool = False

    @property
    def open(self) -> int:
        """What is still owed."""
        return 0 if self.is_restored else self.shortfall - self.repaid_paid - self.repaid_bonus


@dataclass
class Reserved:
    """A hold as the model sees it."""

    id: int
    owner: int
    paid: int
    bonus: int
    bonus_first: bool
    is_open: bool = True


@dataclass
class Spent:
    """A spend as the model sees it."""

    owner: int
    key: str
    paid: int
    bonus: int
    is_refunded: bool = False


@dataclass
class Disputed:
    """A clawback as the model sees it."""

    ref: str
    is_over: bool = False


@dataclass
class Story:
    """All that has happened."""

    purses: list[Purse] = field(default_factory=lambda: [Purse(), Purse(), Purse()])
    holds: list[Reserved] = field(default_factory=list)
    spends: list[Spent] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    disputes: list[Disputed] = field(default_factory=list)
    leaving: list[tuple[int, str, int]] = field(default_factory=list)


def coins_everywhere() -> int:
    """Hundredths of coins in all wallets."""
    return sum(sum(row) for row in Wallet.objects.values_list("coins_pending", "coins", "coins_leaving"))


class Books(RuleBasedStateMachine):
    """One example runs inside a savepoint that is rolled back at its end."""

    users: tuple[int, int, int]

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        self.story = Story()
        self.number = 0

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.savepoint)

    def key(self) -> str:
        self.number += 1
        return f"n{self.number}"

    def call(self, function: Any, *expected: type[Exception], **values: Any) -> Any:
        """The result; None if one of the expected refusals came."""
        try:
            with transaction.atomic():
                return function(at=AT, **values)
        except expected:
            return None

    @rule(who=USERS, paid=st.integers(0, 100), bonus=st.integers(0, 20))
    def buy(self, who: int, paid: int, bonus: int) -> None:
        order_settle(self.users[who], paid=paid, bonus=bonus, cents=paid * 5 + 1, key=self.key())
        self.story.purses[who].put(paid, bonus)

    @rule(who=USERS, bonus=AMOUNTS)
    def give(self, who: int, bonus: int) -> None:
        self.call(grant, user_id=self.users[who], key=self.key(), kind="gift", ref="x", bonus=bonus, source="campaign:activities")
        self.story.purses[who].put(0, bonus)

    @rule(who=USERS, amount=AMOUNTS, bonus_first=st.booleans(), twice=st.booleans())
    def use(self, who: int, amount: int, bonus_first: bool, twice: bool) -> None:
        key = self.key()
        taken = self.story.purses[who].take(amount, bonus_first=bonus_first)
        for _ in range(1 + twice):
            done = self.call(
                spend,
                InsufficientCredits,
                WalletFrozen,
                user_id=self.users[who],
                key=key,
                ref="task:1",
                amount=amount,
                bonus_first=bonus_first,
            )
            assert taken == ((done.paid, done.bonus) if done else None)
        if taken:
            self.story.purses[who].spent += amount
            self.story.spends.append(Spent(who, key, *taken))

    @precondition(lambda self: self.story.spends)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        spent = data.draw(st.sampled_from(self.story.spends))
        done = self.call(refund, user_id=self.users[spent.owner], key=self.key(), spend_key=spent.key)
        assert (done.paid, done.bonus, done.replayed) == (spent.paid, spent.bonus, spent.is_refunded)
        if not spent.is_refunded:
            spent.is_refunded = True
            purse = self.story.purses[spent.owner]
            purse.put(spent.paid, spent.bonus)
            purse.spent -= spent.paid + spent.bonus

    @rule(who=USERS, amount=AMOUNTS, bonus_first=st.booleans())
    def reserve(self, who: int, amount: int, bonus_first: bool) -> None:
        taken = self.story.purses[who].take(amount, bonus_first=bonus_first)
        held = self.call(
            hold,
            InsufficientCredits,
            WalletFrozen,
            user_id=self.users[who],
            key=self.key(),
            ref="task:1",
            amount=amount,
            bonus_first=bonus_first,
        )
        assert taken == ((held.paid, held.bonus) if held else None)
        if taken:
            self._hold(who, *taken)
            self.story.holds.append(Reserved(held.hold_id, who, *taken, bonus_first))

    def _hold(self, who: int, paid: int, bonus: int) -> None:
        self.story.purses[who].held_paid += paid
        self.story.purses[who].held_bonus += bonus

    @precondition(lambda self: self.story.holds)
    @rule(data=st.data(), total=st.integers(0, 90))
    def reserve_more(self, data: st.DataObject, total: int) -> None:
        held = data.draw(st.sampled_from(self.story.holds))
        more = total - held.paid - held.bonus
        taken = self.story.purses[held.owner].take(more, bonus_first=held.bonus_first) if held.is_open and more > 0 else (0, 0)
        done = self.call(hold_raise, InsufficientCredits, HoldResolved, WalletFrozen, hold_id=held.id, amount_total=total)
        assert (done is None) == (taken is None or (more > 0 and not held.is_open))
        if taken:
            self._hold(held.owner, *taken)
            held.paid, held.bonus = held.paid + taken[0], held.bonus + taken[1]

    @precondition(lambda self: self.story.holds)
    @rule(data=st.data(), amount=st.integers(0, 90))
    def capture(self, data: st.DataObject, amount: int) -> None:
        held = data.draw(st.sampled_from(self.story.holds))
        key = self.key()
        done = self.call(hold_capture, HoldResolved, hold_id=held.id, amount=amount, key=key)
        assert (done is not None) == held.is_open
        if held.is_open:
            charge = min(amount, held.paid + held.bonus)
            bonus = min(held.bonus, charge) if held.bonus_first else max(charge - held.paid, 0)
            assert (done.paid, done.bonus) == (charge - bonus, bonus)
            self._resolve(held, charge - bonus, bonus)
            self.story.spends.append(Spent(held.owner, key, charge - bonus, bonus))

    @precondition(lambda self: self.story.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.story.holds))
        done = self.call(hold_release, HoldResolved, hold_id=held.id, key=self.key())
        assert (done is not None) == held.is_open
        if held.is_open:
            self._resolve(held, 0, 0)

    def _resolve(self, held: Reserved, paid: int, bonus: int) -> None:
        held.is_open = False
        self._hold(held.owner, -held.paid, -held.bonus)
        purse = self.story.purses[held.owner]
        purse.put(held.paid - paid, held.bonus - bonus)
        purse.spent += paid + bonus

    @rule(who=USERS, step=st.integers(1, 2), amount=AMOUNTS)
    def tip(self, who: int, step: int, amount: int) -> None:
        creator = (who + step) % 3
        taken = self.story.purses[who].take(amount, bonus_first=False)
        done = self.call(
            transfer, InsufficientCredits, WalletFrozen, from_user_id=self.users[who], to_user_id=self.users[creator], key=self.key(), kind="tip",
            ref="work:1", amount=amount,
        )  # fmt: skip
        assert taken == ((done.paid, done.bonus) if done else None)
        if taken:
            self.story.purses[who].spent += amount
            assert done.coins_hundredths == taken[0] * 90
            self.story.purses[creator].put(0, taken[1] * 90 // 100)

    @rule(who=USERS, amount=AMOUNTS)
    def pay_paid(self, who: int, amount: int) -> None:
        purse, key = self.story.purses[who], self.key()
        may = purse.paid >= amount and not purse.is_frozen
        done = self.call(pay, InsufficientCredits, WalletFrozen, user_id=self.users[who], key=key, ref="order:1", amount=amount)
        assert (done is not None) == may
        if may:
            purse.paid, purse.spent = purse.paid - amount, purse.spent + amount
            self.story.spends.append(Spent(who, key, amount, 0))

    @rule(who=USERS, paid=st.integers(0, 60), bonus=st.integers(0, 10), may_owe=st.booleans())
    def take_back(self, who: int, paid: int, bonus: int, may_owe: bool) -> None:
        purse = self.story.purses[who]
        done = self.call(
            takeback, RefundExceedsUnspent, user_id=self.users[who], key=self.key(), ref="refund:1", paid=paid, bonus=bonus, may_owe=may_owe
        )
        assert (done is not None) == (may_owe or purse.paid >= paid)
        if done:
            instead = min(purse.bonus, paid - min(purse.paid, paid))
            parts = min(purse.paid, paid), instead + min(purse.bonus - instead, bonus)
            assert (done.paid, done.bonus, done.shortfall) == (*parts, paid - parts[0] - instead)
            purse.paid, purse.bonus, purse.shortfall = purse.paid - parts[0], purse.bonus - parts[1], purse.shortfall + done.shortfall
            row = Taken(done.takeback_id, who, *parts, done.shortfall)
            purse.debts.append(row)
            self.story.taken.append(row)

    @precondition(lambda self: self.story.taken)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(self.story.taken))
        done = self.call(takeback_restore, takeback_id=row.id, key=self.key())
        assert (done.paid, done.bonus, done.replayed) == (row.paid + row.repaid_paid, row.bonus + row.repaid_bonus, row.is_restored)
        if not row.is_restored:
            self.story.purses[row.owner].shortfall -= row.open
            row.is_restored = True
            self.story.purses[row.owner].put(done.paid, done.bonus)

    @rule(who=USERS, more=st.booleans())
    def freeze(self, who: int, more: bool) -> None:
        purse = self.story.purses[who]
        if more:
            wallet_freeze(user_id=self.users[who])
        elif purse.disputes:
            wallet_unfreeze(user_id=self.users[who])
        purse.disputes = purse.disputes + 1 if more else max(purse.disputes - 1, 0)

    @rule(who=USERS, credits=AMOUNTS)
    def dispute(self, who: int, credits: int) -> None:
        ref = self.key()
        total = coins_everywhere()
        done = self.call(clawback, payer_id=self.users[who], key=ref, ref=ref, since_transaction_id=0, credits=credits)
        assert done.credits <= credits
        assert done.pending + done.coins + done.blocked + done.lost == done.credits * 90
        assert coins_everywhere() == total - done.pending - done.coins
        self.story.disputes.append(Disputed(ref))

    @precondition(lambda self: self.story.disputes)
    @rule(data=st.data(), is_won=st.booleans())
    def decide(self, data: st.DataObject, is_won: bool) -> None:
        case = data.draw(st.sampled_from(self.story.disputes))
        total = coins_everywhere()
        stood = {row.pk: row for row in Clawback.objects.filter(reference=case.ref)}
        done = self.call(clawback_restore if is_won else clawback_collect, ref=case.ref)
        if is_won and not case.is_over:
            assert coins_everywhere() == total + done.pending + done.coins
            case.is_over = True
        else:
            assert coins_everywhere() == total - done.coins + sum(row.coins for row in stood.values())

    @rule()
    def ripen(self) -> None:
        with transaction.atomic():
            mature(at=AT.replace(month=5))
        assert not Maturing.objects.filter(settled_by=None).exists()

    @rule(who=USERS, hundredths=st.integers(1, 6_000))
    def withdraw(self, who: int, hundredths: int) -> None:
        wallet, ref = Wallet.objects.get(pk=self.users[who]), self.key()
        is_blocked = Clawback.objects.filter(recipient=wallet, settled_at=None, blocked__gt=0).exists()
        done = self.call(withdraw_begin, InsufficientCoins, WalletFrozen, user_id=wallet.pk, key=ref, ref=ref, hundredths=hundredths)
        assert (done is not None) == (wallet.coins >= hundredths and not self.story.purses[who].is_frozen and not is_blocked)
        if done:
            self.story.leaving.append((who, ref, hundredths))

    @precondition(lambda self: self.story.leaving)
    @rule(data=st.data(), is_paid=st.booleans())
    def end_withdrawal(self, data: st.DataObject, is_paid: bool) -> None:
        leaving = data.draw(st.sampled_from(self.story.leaving))
        who, ref, hundredths = leaving
        for is_open in (True, False):
            values = {"user_id": self.users[who], "key": self.key(), "ref": ref, "hundredths": hundredths}
            if is_paid and hundredths >= 20:
                done = self.call(withdraw_pay, WithdrawalNotLeaving, channel="sandbox", amount_cents=hundredths // 20, **values)
            else:
                done = self.call(withdraw_return, WithdrawalNotLeaving, **values)
            assert (done is not None) == is_open
        self.story.leaving.remove(leaving)

    @invariant()
    def wallets_are_what_the_model_says(self) -> None:
        for user_id, purse in zip(self.users, self.story.purses, strict=True):
            wallet = Wallet.objects.get(pk=user_id)
            assert {name: getattr(wallet, name) for name in vars(purse) if name != "debts"} | {"debts": purse.debts} == vars(purse)

    @invariant()
    def the_books_balance(self) -> None:
        assert check_books(AT) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_the_books_are_the_model() -> None:
    Books.users = (make_person(), make_person(), make_person())
    for user_id in Books.users:
        bonus_free(user_id=user_id)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    run_state_machine_as_test(Books, settings=settings(max_examples=30, stateful_step_count=30))
