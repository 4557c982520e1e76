"""The proof of the books finds what was changed about debts, take-backs, clawbacks and withdrawals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from credits.services.check import check_books
from credits.services.clawback import clawback, clawback_collect, clawback_restore
from credits.services.money import money_move
from credits.services.takeback import takeback, takeback_restore
from credits.services.wallet import grant, mature, spend, transfer
from credits.services.withdraw import withdraw_begin, withdraw_pay, withdraw_return
from tests.credits.conftest import AT, Person, execute, order_settle, triggers_off

pytestmark = pytest.mark.django_db

TABLES = (
    "credits_posting", "credits_transaction", "credits_wallet", "credits_takeback", "credits_repayment", "credits_clawback",
)  # fmt: skip
LATER = AT + dt.timedelta(days=8)


@pytest.fixture
def story(person: Person) -> tuple[int, int]:
    """A buyer who owes and to whom things were restored, and a creator whose coins were taken, blocked and lost."""
    who, creator = person(), person()
    since = order_settle(who, paid=300, key="order").transaction_id
    transfer(from_user_id=who, to_user_id=creator, key="t1", kind="tip", ref="work:1", amount=100, at=AT)
    mature(at=LATER)
    withdraw_begin(user_id=creator, key="w1", ref="w:1", hundredths=2_000, at=LATER)
    withdraw_pay(user_id=creator, key="p1", ref="w:1", hundredths=2_000, channel="sandbox", amount_cents=100, at=LATER)
    withdraw_begin(user_id=creator, key="w2", ref="w:2", hundredths=3_000, at=LATER)
    withdraw_begin(user_id=creator, key="w3", ref="w:3", hundredths=500, at=LATER)
    transfer(from_user_id=who, to_user_id=creator, key="t2", kind="tip", ref="work:1", amount=50, at=AT)
    clawback(payer_id=who, key="d1", ref="dispute:1", since_transaction_id=since, credits=120, at=LATER)
    withdraw_return(user_id=creator, key="r2", ref="w:2", hundredths=3_000, at=LATER)
    clawback_collect(ref="dispute:1", at=LATER)
    clawback(payer_id=who, key="d2", ref="dispute:2", since_transaction_id=since, credits=30, at=LATER)
    transfer(from_user_id=who, to_user_id=creator, key="t3", kind="tip", ref="work:1", amount=20, at=AT)
    clawback(payer_id=who, key="d3", ref="dispute:3", since_transaction_id=since, credits=10, at=LATER)
    clawback_restore(ref="dispute:3", at=LATER)
    spend(user_id=who, key="s", ref="task:1", amount=100, at=AT)
    back = takeback(user_id=who, key="b1", ref="refund:1", paid=20, bonus=0, may_owe=False, at=AT)
    takeback(user_id=who, key="b2", ref="refund:2", paid=60, bonus=0, may_owe=True, at=AT)
    grant(user_id=who, key="g", kind="gift", ref="x", bonus=5, source="campaign:activities", at=AT)
    takeback_restore(takeback_id=back.takeback_id, key="x1", at=AT)
    money_move(user_id=who, key="m", ref="dispute:1", channel="sandbox", amount_cents=-600, account="losses", at=AT)
    return who, creator


def test_the_story_has_one_of_everything(story: tuple[int, int]) -> None:
    assert check_books(AT) == []
    whole = "SELECT FROM credits_wallet WHERE user_id = %s AND shortfall = 25"
    assert execute(whole, (story[0],)) == 1
    parts = "SELECT FROM credits_clawback WHERE reference = %s AND pending > 0 AND coins = 0 AND settled_at IS NOT NULL"
    assert execute(parts, ("dispute:3",)) == 1
    assert execute("SELECT FROM credits_clawback WHERE collected_by_id IS NOT NULL AND coins > 0") == 1
    assert execute("SELECT FROM credits_clawback WHERE lost > 0") == 1
    assert execute("SELECT FROM credits_clawback WHERE blocked > 0 AND settled_at IS NULL") == 1
    assert execute("SELECT FROM credits_repayment") == 2


def sql(statement: str) -> Callable[[int], object]:
    return lambda who: execute(statement.replace("{who}", str(who)))


TAMPERINGS: list[tuple[str, Callable[[int], object]]] = [
    ("takebacks", sql("UPDATE credits_wallet SET shortfall = shortfall - 1 WHERE user_id = {who}")),
    ("takebacks", sql("UPDATE credits_wallet SET shortfall = 0 WHERE user_id = {who}")),
    ("takebacks", sql("UPDATE credits_takeback SET shortfall = shortfall + 1 WHERE restored_by_id IS NULL")),
    ("takebacks", sql("UPDATE credits_takeback SET paid = paid + 1 WHERE key = 'b1'")),
    ("takebacks", sql("UPDATE credits_takeback SET bonus = bonus + 1 WHERE key = 'b2'")),
    ("takebacks", sql("UPDATE credits_takeback SET restored_by_id = NULL WHERE key = 'b1'")),
    ("takebacks", sql("UPDATE credits_takeback SET restored_by_id = transaction_id WHERE key = 'b2'")),
    ("takebacks", sql("UPDATE credits_takeback SET repaid_paid = repaid_paid - 1, shortfall = shortfall - 1 WHERE repaid_paid > 0")),
    ("takebacks", sql("UPDATE credits_repayment SET paid = paid + bonus, bonus = 0")),
    ("takebacks", sql("DELETE FROM credits_repayment")),
    ("takebacks", lambda who: (
        execute("UPDATE credits_repayment SET paid = paid + bonus, bonus = 0 WHERE bonus > 0"),
        execute("UPDATE credits_takeback SET repaid_paid = repaid_paid + repaid_bonus, repaid_bonus = 0"),
    )),
    ("clawbacks", sql("UPDATE credits_clawback SET credits = credits - 1 WHERE pending > 1")),
    ("clawbacks", sql("UPDATE credits_clawback SET pending = pending - 90, credits = credits - 1 WHERE pending > 0")),
    ("clawbacks", sql("UPDATE credits_clawback SET coins = coins - 90, credits = credits - 1 WHERE coins > 0")),
    ("clawbacks", sql("UPDATE credits_clawback SET lost = lost + 90, credits = credits + 1 WHERE lost > 0")),
    ("clawbacks", sql("UPDATE credits_clawback SET blocked = 0 WHERE blocked > 0")),
    ("clawbacks", sql("UPDATE credits_clawback SET coins = coins - 1, lost = lost + 1 WHERE coins > 0")),
    ("clawbacks", sql("UPDATE credits_clawback SET restored_by_id = taken_by_id, settled_at = created_at WHERE reference = 'dispute:1'")),
    ("clawbacks", sql("UPDATE credits_clawback SET blocked = blocked + 90 * 80, credits = credits + 80 WHERE blocked > 0")),
    ("clawbacks", sql("UPDATE credits_clawback SET taken_by_id = transfer_id WHERE reference = 'dispute:1'")),
    ("clawbacks", sql("UPDATE credits_clawback SET restored_by_id = NULL WHERE reference = 'dispute:3'")),
    ("withdrawals", sql("UPDATE credits_wallet SET coins_leaving = coins_leaving - 1")),
    ("withdrawals", sql("UPDATE credits_transaction SET reverses_id = NULL WHERE key = 'r2'")),
    ("withdrawals", sql("UPDATE credits_transaction SET reverses_id = (SELECT id FROM credits_transaction WHERE key = 'w3') WHERE key = 'r2'")),
    ("withdrawals", sql("UPDATE credits_transaction SET kind = 'adjust' WHERE key = 'w3'")),
    ("withdrawals", sql("UPDATE credits_posting SET amount = amount - 1 WHERE account = 'coins_leaving' AND transaction_id = (SELECT id FROM credits_transaction WHERE key = 'p1')")),
    ("solvency", sql("UPDATE credits_posting SET amount = amount - 5000 WHERE account = 'losses' AND unit = 'cny'")),
]  # fmt: skip


@pytest.mark.books_broken
@pytest.mark.parametrize(("check", "tamper"), TAMPERINGS)
def test_finds_tampering(story: tuple[int, int], check: str, tamper: Callable[[int], object]) -> None:
    with triggers_off(*TABLES):
        execute("ALTER TABLE credits_wallet DROP CONSTRAINT wallet_coins_leaving")
        assert tamper(story[0])
    assert check in {difference.check for difference in check_books(AT)}
