"""The books against a model: whatever happens in whatever order, the wallets are what the model says and the books balance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from credits.exceptions import HoldResolved, InsufficientCredits
from credits.models import Wallet
from credits.services.check import check_books
from credits.services.hold import hold, hold_capture, hold_raise, hold_release
from credits.services.wallet import bonus_free, grant, refund, spend, transfer
from tests.credits.conftest import AT, make_person, order_settle

USERS = st.integers(0, 2)
AMOUNTS = st.integers(1, 60)


@dataclass
class Purse:
    """What the model thinks that a user has."""

    paid: int = 0
    bonus: int = 0
    held_paid: int = 0
    held_bonus: int = 0
    coins_pending: int = 0
    spent: int = 0

    def take(self, amount: int, *, bonus_first: bool) -> tuple[int, int] | None:
        """(paid, bonus) for `amount`, taken; None if there is too little."""
        if self.paid + self.bonus < amount:
            return None
        bonus = min(self.bonus, amount) if bonus_first else max(amount - self.paid, 0)
        self.paid, self.bonus = self.paid - (amount - bonus), self.bonus - bonus
        return amount - bonus, bonus


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
class Story:
    """All that has happened."""

    purses: list[Purse] = field(default_factory=lambda: [Purse(), Purse(), Purse()])
    holds: list[Reserved] = field(default_factory=list)
    spends: list[Spent] = field(default_factory=list)


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
        self.story.purses[who].paid += paid
        self.story.purses[who].bonus += bonus

    @rule(who=USERS, bonus=AMOUNTS)
    def give(self, who: int, bonus: int) -> None:
        self.call(grant, user_id=self.users[who], key=self.key(), kind="gift", ref="x", bonus=bonus, source="campaign:activities")
        self.story.purses[who].bonus += bonus

    @rule(who=USERS, amount=AMOUNTS, bonus_first=st.booleans(), twice=st.booleans())
    def use(self, who: int, amount: int, bonus_first: bool, twice: bool) -> None:
        key = self.key()
        taken = self.story.purses[who].take(amount, bonus_first=bonus_first)
        for _ in range(1 + twice):
            done = self.call(
                spend, InsufficientCredits, user_id=self.users[who], key=key, ref="task:1", amount=amount, bonus_first=bonus_first
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
            purse.paid += spent.paid
            purse.bonus += spent.bonus
            purse.spent -= spent.paid + spent.bonus

    @rule(who=USERS, amount=AMOUNTS, bonus_first=st.booleans())
    def reserve(self, who: int, amount: int, bonus_first: bool) -> None:
        taken = self.story.purses[who].take(amount, bonus_first=bonus_first)
        held = self.call(
            hold, InsufficientCredits, user_id=self.users[who], key=self.key(), ref="task:1", amount=amount, bonus_first=bonus_first
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
        done = self.call(hold_raise, InsufficientCredits, HoldResolved, hold_id=held.id, amount_total=total)
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
        purse.paid += held.paid - paid
        purse.bonus += held.bonus - bonus
        purse.spent += paid + bonus

    @rule(who=USERS, step=st.integers(1, 2), amount=AMOUNTS)
    def tip(self, who: int, step: int, amount: int) -> None:
        creator = (who + step) % 3
        taken = self.story.purses[who].take(amount, bonus_first=False)
        done = self.call(
            transfer, InsufficientCredits, from_user_id=self.users[who], to_user_id=self.users[creator], key=self.key(), kind="tip",
            ref="work:1", amount=amount,
        )  # fmt: skip
        assert taken == ((done.paid, done.bonus) if done else None)
        if taken:
            self.story.purses[who].spent += amount
            self.story.purses[creator].coins_pending += taken[0] * 90
            self.story.purses[creator].bonus += taken[1] * 90 // 100

    @invariant()
    def wallets_are_what_the_model_says(self) -> None:
        for user_id, purse in zip(self.users, self.story.purses, strict=True):
            wallet = Wallet.objects.get(pk=user_id)
            assert {name: getattr(wallet, name) for name in vars(purse)} == vars(purse)

    @invariant()
    def the_books_balance(self) -> None:
        assert check_books(AT) == []


@pytest.mark.slow
@pytest.mark.django_db
def test_the_books_are_the_model() -> None:
    Books.users = (make_person(), make_person(), make_person())
    for user_id in Books.users:
        bonus_free(user_id=user_id)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Books, settings=settings(max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=checks, database=None)
    )
