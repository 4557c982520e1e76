"""The page a user reads of the ledger."""

from __future__ import annotations

import datetime as dt

import pytest

from credits.selectors.wallet import ledger_page
from credits.services.hold import hold, hold_capture
from credits.services.wallet import bonus_free, mature, refund, spend, transfer
from tests.credits.conftest import AT, Person

pytestmark = pytest.mark.django_db


def test_a_row_is_one_transaction_with_its_buckets_summed(person: Person) -> None:
    who, creator = person(paid=50, bonus=30), person()
    bonus_free(user_id=who)
    spend(user_id=who, key="s", ref="task:1", amount=40, at=AT)
    refund(user_id=who, key="r", spend_key="s", at=AT)
    held = hold(user_id=who, key="h", ref="task:2", amount=50, at=AT)
    hold_capture(hold_id=held.hold_id, amount=35, key="c", at=AT)
    transfer(from_user_id=who, to_user_id=creator, key="t", kind="tip", ref="work:1", amount=20, at=AT)
    rows = [(row.kind, row.credits, row.held, row.credits_balance, row.reference) for row in ledger_page(who)]
    assert rows == [
        ("tip", -20, 0, 25, "work:1"),
        ("spend", 15, -50, 45, "task:2"),
        ("hold", -50, 50, 30, "task:2"),
        ("refund", 40, 0, 80, "task:1"),
        ("spend", -40, 0, 40, "task:1"),
        ("recharge", 50, 0, 80, "order"),
        ("gift", 30, 0, 30, "start"),
    ]
    (income,) = ledger_page(creator)
    assert (income.kind, income.credits, income.coins, income.coins_balance, income.credits_balance) == ("tip", 0, 1800, 1800, None)
    assert income.paid_by_other
    mature(at=AT + dt.timedelta(days=8))
    assert (ledger_page(creator)[0].coins, ledger_page(creator)[0].coins_balance) == (0, 1800)


def test_pages_follow_each_other_without_gap_or_repeat(person: Person) -> None:
    who = person(paid=100, bonus=3)
    for number in range(10):
        spend(user_id=who, key=f"s{number}", ref="task:1", amount=2, at=AT)
    seen, before = [], None
    while page := ledger_page(who, limit=5, before=before):
        seen += [row.transaction_id for row in page]
        before = page[-1].position
    assert len(seen) == len(set(seen)) == 12
    assert seen == sorted(seen, reverse=True)


def test_filters_by_kind_and_unit(person: Person) -> None:
    who, fan = person(paid=100), person(paid=10)
    spend(user_id=who, key="s", ref="task:1", amount=2, at=AT)
    transfer(from_user_id=fan, to_user_id=who, key="t", kind="tip", ref="w", amount=5, at=AT)
    assert [row.kind for row in ledger_page(who, kinds=["spend"])] == ["spend"]
    assert [row.kind for row in ledger_page(who, units=["coins"])] == ["tip"]
    assert [row.kind for row in ledger_page(who, units=["credits"])] == ["spend", "recharge"]


def test_shows_nobody_elses_rows(person: Person) -> None:
    person(paid=100)
    assert ledger_page(person()) == []
