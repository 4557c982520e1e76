"""What PostgreSQL itself refuses, one violation at a time."""

from __future__ import annotations

from typing import Any, cast

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from credits.models import (
    Campaign,
    Entitlement,
    Hold,
    Maturing,
    Offer,
    Posting,
    Price,
    Promise,
    SpendLimit,
    SpendUsage,
    Transaction,
    Wallet,
)
from credits.services.hold import hold
from credits.services.wallet import spend
from tests.credits.conftest import AT, Person, execute, moved, triggers_off

pytestmark = pytest.mark.django_db

BUCKETS = ("paid", "bonus", "held_paid", "held_bonus", "coins_pending", "coins", "coins_leaving")


def refused(name: str, statement: str, params: tuple = ()) -> None:
    before = moved()
    execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that no pending check of the set-up gets in the way
    with pytest.raises(DatabaseError, match=name), transaction.atomic():
        execute(statement, params)
    assert moved() == before


@pytest.mark.parametrize("bucket", BUCKETS)
def test_no_bucket_falls_below_zero(person: Person, bucket: str) -> None:
    who = person(paid=5, bonus=5)
    with triggers_off("credits_wallet"):
        refused(f"wallet_{bucket}", f"UPDATE credits_wallet SET {bucket} = -1 WHERE user_id = %s", (who,))


@pytest.mark.parametrize("table", ["credits_posting", "credits_transaction", "credits_digest"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_journal_refuses_every_change(person: Person, table: str, statement: str) -> None:
    person(paid=5)
    column = "wallets" if table == "credits_digest" else "id"
    refused("append-only", statement.format(table, column, column))


@pytest.mark.parametrize("statement", ["DELETE FROM credits_wallet", "TRUNCATE credits_wallet CASCADE"])
def test_wallets_stay(person: Person, statement: str) -> None:
    person(paid=5)
    refused("append-only", statement)


def test_a_journal_row_is_not_even_changed_through_the_orm(person: Person) -> None:
    person(paid=5)
    posting = Posting.objects.earliest("pk")
    posting.amount += 1
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        posting.save()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Transaction.objects.all().delete()


@pytest.mark.parametrize(
    "change",
    [
        "paid = paid + 1",
        "bonus = bonus + 1",
        "coins = coins + 1",
        "spent = spent + 1",
        "seq = seq + 1",
        "head = '\\x00'",
        "user_id = user_id + 1000000",
    ],
)
def test_a_wallet_does_not_move_without_a_posting(person: Person, change: str) -> None:
    who = person(paid=5)
    refused("moves by postings only", f"UPDATE credits_wallet SET {change} WHERE user_id = %s", (who,))


def test_a_wallet_is_born_empty(person: Person) -> None:
    who = person()
    with triggers_off("credits_wallet"):
        execute("DELETE FROM credits_wallet WHERE user_id = %s", (who,))
    with pytest.raises(DatabaseError, match="moves by postings only"), transaction.atomic():
        Wallet.objects.create(user_id=who, paid=1, head=bytes(32))
    Wallet.objects.create(user_id=who, head=bytes(32))


INSERT = "INSERT INTO credits_posting (transaction_id, user_id, seq, account, unit, amount, balance, hash) VALUES "


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ("({t}, null, null, 'usage', 'credits', 1, null, null)", "sum to zero"),
        ("({t}, null, null, 'usage', 'credits', 1, null, null), ({t}, null, null, 'sales', 'cny', -1, null, null)", "sum to zero"),
        ("({t}, null, null, 'usage', 'credits', 0, null, null)", "posting_amount"),
        ("({t}, null, null, 'usage', 'pounds', 1, null, null)", "posting_unit"),
        ("({t}, null, null, 'paid', 'credits', 1, null, null)", "posting_account"),
        ("({t}, {u}, 9, 'usage', 'credits', 1, 1, '\\x00')", "posting_account"),
        ("({t}, {u}, 9, 'paid', 'coins', 1, 1, '\\x00')", "posting_account"),
        ("({t}, {u}, 9, 'coins', 'credits', 1, 1, '\\x00')", "posting_account"),
        ("({t}, {u}, 9, 'paid', 'credits', 1, 1, null)", "posting_chained"),
        ("({t}, {u}, null, 'paid', 'credits', 1, 1, '\\x00')", "posting_chained"),
        ("({t}, null, 9, 'usage', 'credits', 1, null, null)", "posting_chained"),
        ("({t}, {u}, 1, 'paid', 'credits', 1, 1, '\\x00'), ({t}, null, null, 'usage', 'credits', -1, null, null)", "posting_seq_unique"),
        ("({t}, {u}, 9, 'paid', 'credits', 1, 1, '\\x00'), ({t}, null, null, 'usage', 'credits', -1, null, null)", "without its wallet's move"),
        ("(0, null, null, 'usage', 'credits', 1, null, null), (0, null, null, 'sales', 'credits', -1, null, null)", "under one transaction"),
        ("({t}, null, null, 'usage', 'credits', 1, null, null), (0, null, null, 'sales', 'credits', -1, null, null)", "under one transaction"),
    ],
)  # fmt: skip
def test_a_posting_is_refused(person: Person, rows: str, name: str) -> None:
    who = person(paid=5)
    last = Transaction.objects.latest("pk").pk
    refused(name, INSERT + rows.format(t=last, u=who))


def test_two_wallets_in_one_statement_must_both_have_moved(person: Person) -> None:
    one, other = person(paid=5), person(paid=5)
    last = Transaction.objects.latest("pk").pk
    refused(
        "without its wallet's move",
        INSERT + f"({last}, {one}, 2, 'paid', 'credits', 1, 1, '\\x00'), ({last}, {other}, 3, 'paid', 'credits', -1, 1, '\\x00')",
    )


def test_an_insert_of_no_rows_is_no_fault(person: Person) -> None:
    person(paid=5)
    assert execute("INSERT INTO credits_posting SELECT * FROM credits_posting WHERE false") == 0


def test_an_owner_uses_a_key_once(person: Person) -> None:
    who = person(paid=5)
    row = Transaction.objects.get(user_id=who)
    with pytest.raises(IntegrityError, match="transaction_key_unique"), transaction.atomic():
        Transaction.objects.create(user_id=who, key=row.key, input_hash=b"x", kind="spend", reference="x", created_at=AT)
    with pytest.raises(IntegrityError, match="key"), transaction.atomic():
        Transaction.objects.create(user_id=who, key=cast(str, None), input_hash=b"x", kind="spend", reference="x", created_at=AT)


def test_a_transaction_is_reversed_once_and_of_a_known_kind(person: Person) -> None:
    who = person(paid=5)
    common = {"user_id": who, "input_hash": b"x", "reference": "x", "created_at": AT}
    Transaction.objects.create(key="a", kind="adjust", reverses_id=1, **common)
    with pytest.raises(IntegrityError, match="transaction_reversed_once"), transaction.atomic():
        Transaction.objects.create(key="b", kind="adjust", reverses_id=1, **common)
    with pytest.raises(IntegrityError, match="transaction_kind"), transaction.atomic():
        Transaction.objects.create(key="c", kind="magic", **common)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("paid = -1, bonus = 5", "hold_parts"),
        ("bonus = -1", "hold_parts"),
        ("charged = 11", "hold_charged"),
        ("charged = -1", "hold_charged"),
        ("charged = 5", "hold_state"),
        ("state = 'captured'", "hold_state"),
        ("state = 'released'", "hold_state"),
        ("state = 'lost'", "hold_state"),
        ("resolution_id = transaction_id", "hold_state"),
    ],
)
def test_a_hold_is_refused(person: Person, change: str, name: str) -> None:
    held = hold(user_id=person(paid=10), key="h", ref="task:1", amount=10, at=AT)
    refused(name, f"UPDATE credits_hold SET {change} WHERE id = %s", (held.hold_id,))
    assert Hold.objects.get().state == "open"


def test_campaigns_prices_limits_and_promises_hold_their_bounds(person: Person) -> None:
    who = person(paid=10)
    spend(user_id=who, key="s", ref="task:1", amount=1, at=AT)
    refused("campaign_remaining", "UPDATE credits_campaign SET remaining_credits = -1")
    refused("campaign_budget", "UPDATE credits_campaign SET remaining_credits = budget_credits + 1")
    campaign = Campaign.objects.get(slug="coupons")
    promise = {"campaign": campaign, "user_id": who, "reference": "x", "created_at": AT}
    faults: tuple[tuple[dict[str, Any], str], ...] = (
        ({"amount_credits": 0}, "promise_amount"),
        ({"amount_credits": 5, "paid_credits": 6}, "promise_paid"),
        ({"amount_credits": 5, "paid_credits": -1}, "promise_paid"),
    )
    for values, name in faults:
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Promise.objects.create(key="p", **values, **promise)
    Promise.objects.create(key="p", amount_credits=5, withdrawn_at=AT, **promise)
    with pytest.raises(IntegrityError, match="promise_key_unique"), transaction.atomic():
        Promise.objects.create(key="p", amount_credits=5, **promise)
    offer = Offer.objects.get(code="studio/ppt")
    faults = (({"amount_credits": -1}, "price_amount"), ({"amount_credits": 1, "unit": "hour"}, "price_unit"))
    for values, name in faults:
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Price.objects.create(offer=offer, match={"x": 1}, **values)
    with pytest.raises(IntegrityError, match="price_unique"), transaction.atomic():
        Price.objects.create(offer=offer, match={}, amount_credits=1)
    with pytest.raises(IntegrityError, match="maturing_amount"), transaction.atomic():
        Maturing.objects.create(wallet_id=who, transaction=Transaction.objects.latest("pk"), amount_hundredths=0, matures_at=AT)
    with pytest.raises(IntegrityError, match="entitlement_period"), transaction.atomic():
        Entitlement.objects.create(user_id=who, name="studio", valid_from=AT, valid_until=AT.replace(year=2025), daily_units=1)


def test_counted_budgets_stay_at_or_above_zero(person: Person) -> None:
    from accounts.models import ApiKey

    key = ApiKey.objects.create(user_id=person(), name="k", prefix="ak_", digest=b"k", created_at=AT, webhook_secret="whsec_x")
    limit = SpendLimit.objects.create(api_key=key, day_credits=5)
    SpendUsage.objects.create(limit=limit, day=AT.date(), used_credits=0)
    refused("spendlimit_used", "UPDATE credits_spendlimit SET used_credits = -1")
    refused("spendusage_used", "UPDATE credits_spendusage SET used_credits = -1")
    with pytest.raises(IntegrityError, match="spendusage_unique"), transaction.atomic():
        SpendUsage.objects.create(limit=limit, day=AT.date(), used_credits=0)
