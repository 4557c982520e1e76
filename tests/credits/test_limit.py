"""Spend limits of keys and entitlements of members, obeyed inside a spend."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import transaction

from accounts.models import ApiKey
from credits.exceptions import BudgetExceeded, InsufficientCredits
from credits.models import Entitlement, SpendLimit, SpendUsage, Transaction
from credits.services.entitlement import entitlement_end, entitlement_set
from credits.services.hold import hold, hold_capture, hold_raise, hold_release
from credits.services.limit import key_limit_set, spend_limit_set
from credits.services.wallet import Movement, refund, spend
from tests.credits.conftest import AT, Person, buckets, moved

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def make_key(owner: int, day: int | None, total: int | None) -> int:
    key = ApiKey.objects.create(
        user_id=owner, name="k", prefix="ak_", digest=f"{owner}{day}{total}".encode(), webhook_secret="whsec_x", created_at=AT
    )
    key_limit_set(user_id=owner, number=1, payload={"api_key_id": key.pk, "budget_day_credits": day, "budget_total_credits": total})
    return key.pk


def take(who: int, amount: int, key: str, api_key: int | None = None, at: dt.datetime = AT, entitlement: str | None = None) -> Movement:
    return spend(user_id=who, key=key, ref="task:1", amount=amount, api_key_id=api_key, entitlement=entitlement, at=at)


def used(api_key: int) -> tuple[int, list[int]]:
    days = SpendUsage.objects.filter(limit_id=api_key).order_by("day").values_list("used_credits", flat=True)
    return SpendLimit.objects.get(pk=api_key).used_credits, list(days)


def test_a_key_without_a_budget_is_not_counted(person: Person) -> None:
    who = person(paid=100)
    key = make_key(who, None, None)
    take(who, 50, "a", key)
    assert not SpendLimit.objects.exists()
    assert Transaction.objects.get(key="a").api_key_id == key


def test_a_day_budget_ends_with_the_day_in_shanghai(person: Person) -> None:
    who = person(paid=100)
    key = make_key(who, 30, None)
    take(who, 20, "a", key)
    before = moved()
    with pytest.raises(BudgetExceeded) as refusal, transaction.atomic():
        take(who, 11, "b", key)
    assert refusal.value.params == {"budget": "day", "limit": 30, "used": 20, "required": 11}
    assert moved() == before
    midnight = dt.datetime(2026, 3, 1, 16, 0, tzinfo=dt.UTC)
    with pytest.raises(BudgetExceeded), transaction.atomic():
        take(who, 11, "b", key, at=midnight - dt.timedelta(seconds=1))
    take(who, 11, "b", key, at=midnight)
    take(who, 10, "c", key)
    assert used(key) == (41, [30, 11])


def test_a_total_budget_never_ends(person: Person) -> None:
    who = person(paid=100)
    key = make_key(who, None, 30)
    take(who, 20, "a", key)
    before = moved()
    with pytest.raises(BudgetExceeded) as refusal, transaction.atomic():
        take(who, 11, "b", key, at=AT + 400 * DAY)
    assert refusal.value.params["budget"] == "total"
    assert moved() == before
    assert take(who, 50, "without a key").charged == 50


def test_the_balance_is_asked_before_the_budget(person: Person) -> None:
    who = person(paid=10)
    key = make_key(who, 5, None)
    with pytest.raises(InsufficientCredits), transaction.atomic():
        take(who, 11, "a", key)
    assert used(key) == (0, [])


def test_a_refund_gives_the_budget_back_on_its_own_day(person: Person) -> None:
    who = person(paid=100)
    key = make_key(who, 30, 60)
    take(who, 20, "a", key)
    take(who, 25, "b", key, at=AT + DAY)
    refund(user_id=who, key="r", spend_key="a", at=AT + DAY)
    assert used(key) == (25, [0, 25])
    take(who, 30, "c", key)
    assert used(key) == (55, [30, 25])


def test_holds_count_in_full_until_they_resolve(person: Person) -> None:
    who = person(paid=100)
    key = make_key(who, 50, None)
    first = hold(user_id=who, key="h1", ref="t", amount=20, api_key_id=key, at=AT)
    assert used(key) == (20, [20])
    before = moved()
    with pytest.raises(BudgetExceeded), transaction.atomic():
        hold_raise(hold_id=first.hold_id, amount_total=51, at=AT + DAY)
    with pytest.raises(BudgetExceeded), transaction.atomic():
        hold(user_id=who, key="h2", ref="t", amount=31, api_key_id=key, at=AT)
    assert moved() == before
    hold_raise(hold_id=first.hold_id, amount_total=50, at=AT + DAY)
    assert used(key) == (50, [50])
    hold_capture(hold_id=first.hold_id, amount=35, key="c", at=AT + DAY)
    assert used(key) == (35, [35])
    second = hold(user_id=who, key="h3", ref="t", amount=15, api_key_id=key, at=AT)
    hold_release(hold_id=second.hold_id, key="rel", at=AT)
    refund(user_id=who, key="r", spend_key="c", at=AT)
    assert used(key) == (0, [0])


def test_a_new_budget_keeps_what_was_counted(person: Person) -> None:
    who = person(paid=100)
    key = make_key(who, 30, None)
    take(who, 20, "a", key)
    spend_limit_set(api_key_id=key, day_credits=20, total_credits=None)
    with pytest.raises(BudgetExceeded), transaction.atomic():
        take(who, 1, "b", key)
    spend_limit_set(api_key_id=key, day_credits=None, total_credits=None)
    assert take(who, 80, "b", key).charged == 80


def member(who: int, units: int = 2) -> Entitlement:
    return entitlement_set(user_id=who, name="studio", valid_from=AT, valid_until=AT + 30 * DAY, daily_units=units)


def test_a_member_spends_without_a_debit_so_many_times_a_day(person: Person) -> None:
    who = person(paid=100)
    member(who)
    charges = [take(who, 20, f"k{n}", entitlement="studio").charged for n in range(3)]
    assert charges == [0, 0, 20]
    assert take(who, 20, "next day", at=AT + DAY, entitlement="studio").charged == 0
    assert buckets(who) == (80, 0, 0, 0)


def test_a_member_needs_no_credits(person: Person) -> None:
    who = person()
    member(who, units=1)
    first = take(who, 20, "k", entitlement="studio")
    assert (first.charged, first.balance) == (0, 0)
    assert take(who, 20, "k", entitlement="studio").replayed
    before = moved()
    with pytest.raises(InsufficientCredits), transaction.atomic():
        take(who, 20, "k2", entitlement="studio")
    assert moved() == before


@pytest.mark.parametrize(("at", "entitlement"), [(AT - DAY, "studio"), (AT + 30 * DAY, "studio"), (AT, "another"), (AT, None), (AT, "")])
def test_an_entitlement_is_for_its_name_and_time(person: Person, at: dt.datetime, entitlement: str | None) -> None:
    who = person(paid=100)
    member(who)
    assert take(who, 20, "k", at=at, entitlement=entitlement).charged == 20


def test_an_ended_entitlement_is_over(person: Person) -> None:
    who = person(paid=100)
    member(who)
    assert entitlement_end(user_id=who, name="studio", at=AT + DAY)
    assert not entitlement_end(user_id=who, name="studio", at=AT + DAY)
    assert take(who, 20, "k", at=AT + DAY, entitlement="studio").charged == 20


def test_a_refund_gives_the_free_unit_back_while_its_day_lasts(person: Person) -> None:
    who = person(paid=100)
    member(who, units=1)
    take(who, 20, "a", entitlement="studio")
    assert refund(user_id=who, key="r", spend_key="a", at=AT).charged == 0
    assert refund(user_id=who, key="r", spend_key="a", at=AT).replayed
    assert take(who, 20, "b", entitlement="studio").charged == 0
    take(who, 20, "c", at=AT + DAY, entitlement="studio")
    refund(user_id=who, key="r2", spend_key="b", at=AT + DAY)
    assert Entitlement.objects.get().used_units == 1
    assert buckets(who) == (100, 0, 0, 0)
