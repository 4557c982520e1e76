"""What comes in: sales, campaigns, promises, the sign-up gift; and forfeits."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction

from accounts.exceptions import IdempotencyConflict
from accounts.models import ErasedIdentity, User
from config.kernel.errors import DatabaseUnavailable, InvalidInput
from config.kernel.sql import fetch_one
from credits.exceptions import PaidWithoutSale, PromiseClosed, SourceUnknown
from credits.models import Campaign, Posting, Promise, Transaction, Wallet
from credits.selectors.wallet import Balance, balance_of
from credits.services import gift
from credits.services.campaign import campaign_budget_set, campaign_create, campaign_promise, promise_pay, promise_withdraw
from credits.services.gift import forfeit, sign_up_gift
from credits.services.hold import hold
from credits.services.wallet import Movement, grant, transfer
from tests.credits.conftest import AT, Person, buckets, moved, order_settle

pytestmark = pytest.mark.django_db


def give(who: int, bonus: int, key: str = "g", source: str = "campaign:coupons", **more: Any) -> Movement:
    return grant(**{"user_id": who, "key": key, "kind": "gift", "ref": "x", "bonus": bonus, "source": source, "at": AT, **more})


def remaining(slug: str) -> int:
    return Campaign.objects.get(slug=slug).remaining_credits


def test_a_settled_order_brings_credits_and_cash(person: Person) -> None:
    who = person()
    done = order_settle(who, paid=500, bonus=50, cents=5000, key="order:1")
    assert (done.paid, done.bonus, done.balance, done.replayed) == (500, 50, 550, False)
    postings = set(Posting.objects.filter(transaction_id=done.transaction_id, wallet=None).values_list("account", "unit", "amount"))
    assert postings == {("sales", "credits", -500), ("sales", "credits", -50), ("cash:sandbox", "cny", 5000), ("sales", "cny", -5000)}
    assert Wallet.objects.get(pk=who).bonus_is_free
    before = moved()
    again = order_settle(who, paid=500, bonus=50, cents=5000, key="order:1")
    assert (again.transaction_id, again.paid, again.bonus, again.balance, again.replayed) == (done.transaction_id, 500, 50, 550, True)
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        order_settle(who, paid=501, bonus=50, cents=5000, key="order:1")
    assert moved() == before


def test_an_order_may_bring_no_credits(person: Person) -> None:
    who = person()
    assert order_settle(who, paid=0, cents=990).balance == 0
    assert Wallet.objects.get(pk=who).seq == 0


def test_an_order_whose_campaign_is_exhausted_brings_what_was_bought(person: Person) -> None:
    who = person()
    campaign_create(slug="small", budget_credits=9)
    assert order_settle(who, paid=100, bonus=10, bonus_source="campaign:small").bonus == 0
    assert order_settle(who, paid=100, bonus=9, bonus_source="campaign:small").bonus == 9
    assert remaining("small") == 0


def promise(who: int, amount: int) -> int:
    return campaign_promise(user_id=who, slug="coupons", key=f"p{amount}", ref="coupon:1", amount=amount, at=AT).promise_id or 0


def test_an_orders_bonus_may_come_out_of_the_users_own_promise(person: Person) -> None:
    who = person()
    number, left = promise(who, 10), remaining("coupons")
    assert order_settle(who, paid=100, bonus=8, bonus_source=f"promise:{number}", key="o1").bonus == 8
    assert order_settle(who, paid=100, bonus=8, bonus_source=f"promise:{number}", key="o2").bonus == 2
    assert order_settle(who, paid=100, bonus=8, bonus_source=f"promise:{number}", key="o3").bonus == 0
    assert order_settle(who, paid=100, bonus=8, bonus_source=f"promise:{number}", key="o1").replayed
    assert (buckets(who), remaining("coupons")) == ((300, 10, 0, 0), left)
    assert promise_withdraw(promise_id=number, at=AT) == 0


@pytest.mark.parametrize("fate", ["foreign", "withdrawn", "unknown"])
def test_a_promise_that_is_not_the_users_adds_nothing(person: Person, fate: str) -> None:
    who, other = person(), person()
    number = promise(other if fate == "foreign" else who, 10) + (fate == "unknown")
    if fate == "withdrawn":
        promise_withdraw(promise_id=number, at=AT)
    done = order_settle(who, paid=100, bonus=8, bonus_source=f"promise:{number}")
    assert (done.paid, done.bonus, done.balance) == (100, 0, 100)
    assert not Promise.objects.filter(paid_credits__gt=0).exists()


def test_the_floor_is_the_settings_own(person: Person) -> None:
    floor = settings.FLOOR_PRICE_CENTS
    assert fetch_one("SELECT credits_floor_cents() AS cents").cents == floor
    assert order_settle(person(), paid=100, cents=100 * floor).paid == 100


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"paid": 10, "cents": 0}, PaidWithoutSale),
        ({"paid": 10, "cents": 49}, PaidWithoutSale),
        ({"paid": 10, "bonus": 1, "bonus_source": "promise:"}, SourceUnknown),
        ({"paid": 10, "bonus": 1, "bonus_source": "promise:1 or more"}, SourceUnknown),
        ({"paid": 10, "bonus": 1, "bonus_source": "promise:-1"}, SourceUnknown),
        ({"paid": 10, "channel": "purse"}, SourceUnknown),
        ({"paid": 10, "bonus": 1, "bonus_source": "usage"}, SourceUnknown),
        ({"paid": 10, "bonus": 1, "bonus_source": "campaign:none"}, SourceUnknown),
        ({"paid": -10, "cents": 5}, DatabaseError),
        ({"paid": 10, "bonus": -1}, DatabaseError),
        ({"paid": 10, "cents": -1}, DatabaseError),
    ],
)
def test_refuses_a_sale_that_is_none(person: Person, values: dict[str, Any], error: type[Exception]) -> None:
    who = person(bonus=5)
    before = moved()
    with pytest.raises(error), transaction.atomic():
        order_settle(who, **values)
    assert moved() == before


def test_a_campaign_gives_until_it_is_exhausted(person: Person) -> None:
    who = person()
    campaign_create(slug="small", budget_credits=25)
    assert [give(who, 10, key=f"g{n}", source="campaign:small").bonus for n in range(4)] == [10, 10, 0, 0]
    last = give(who, 10, key="g9", source="campaign:small")
    assert (last.transaction_id, last.balance) == (None, 20)
    assert (buckets(who), remaining("small")) == ((0, 20, 0, 0), 5)
    assert give(who, 10, key="g0", source="campaign:small").replayed


def test_a_campaign_that_is_off_gives_nothing(person: Person) -> None:
    who = person()
    Campaign.objects.filter(slug="coupons").update(is_active=False)
    before = moved()
    assert give(who, 10).transaction_id is None
    assert campaign_promise(user_id=who, slug="coupons", key="p", ref="x", amount=10, at=AT).promise_id is None
    assert moved() == before


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"bonus": 5, "source": "campaign:none"}, SourceUnknown),
        ({"bonus": 5, "source": "thin air"}, SourceUnknown),
        ({"bonus": 5, "source": "cash:sandbox"}, SourceUnknown),
        ({"bonus": 0, "paid": 5, "source": "campaign:coupons"}, PaidWithoutSale),
        ({"bonus": 0, "paid": 5, "source": "sales"}, PaidWithoutSale),
        ({"bonus": 0}, DatabaseError),
        ({"bonus": 5, "kind": "spend"}, DatabaseError),
        ({"bonus": -5}, DatabaseError),
    ],
)
def test_refuses_a_grant_out_of_nowhere(person: Person, values: dict[str, Any], error: type[Exception]) -> None:
    who = person()
    before = moved()
    with pytest.raises(error), transaction.atomic():
        give(who, **values)
    assert moved() == before


def test_a_promise_reserves_and_pays_to_its_end(person: Person) -> None:
    who = person()
    start = remaining("monthly-cards")
    promised = campaign_promise(user_id=who, slug="monthly-cards", key="card:1", ref="card:1", amount=90, at=AT)
    assert (promised.amount, remaining("monthly-cards")) == (90, start - 90)
    assert campaign_promise(user_id=who, slug="monthly-cards", key="card:1", ref="card:1", amount=90, at=AT).replayed
    pay = {"promise_id": promised.promise_id, "kind": "claim", "ref": "card:1", "amount": 30, "at": AT}
    assert promise_pay(key="day1", **pay).balance == 30  # type: ignore[arg-type]
    assert promise_pay(key="day1", **pay).replayed  # type: ignore[arg-type]
    assert promise_pay(key="day2", **pay).balance == 60  # type: ignore[arg-type]
    assert promise_withdraw(promise_id=promised.promise_id or 0, at=AT) == 30
    assert promise_withdraw(promise_id=promised.promise_id or 0, at=AT) == 0
    assert remaining("monthly-cards") == start - 60
    before = moved()
    with pytest.raises(PromiseClosed), transaction.atomic():
        promise_pay(key="day3", **pay)  # type: ignore[arg-type]
    assert moved() == before


def test_a_promise_pays_no_more_than_it_promised_even_if_the_campaign_is_rich(person: Person) -> None:
    who = person()
    promised = campaign_promise(user_id=who, slug="coupons", key="p", ref="x", amount=10, at=AT)
    before = moved()
    for amount in (11, 0, -1):
        with pytest.raises(PromiseClosed), transaction.atomic():
            promise_pay(promise_id=promised.promise_id or 0, key="k", kind="gift", ref="x", amount=amount, at=AT)
    with pytest.raises(PromiseClosed), transaction.atomic():
        promise_pay(promise_id=0, key="k", kind="gift", ref="x", amount=1, at=AT)
    with pytest.raises(IdempotencyConflict), transaction.atomic():
        campaign_promise(user_id=who, slug="coupons", key="p", ref="x", amount=11, at=AT)
    assert moved() == before


def test_an_exhausted_campaign_keeps_its_promises(person: Person) -> None:
    who = person()
    campaign_create(slug="small", budget_credits=10)
    promised = campaign_promise(user_id=who, slug="small", key="p", ref="x", amount=10, at=AT)
    assert give(who, 1, source="campaign:small").transaction_id is None
    assert campaign_promise(user_id=who, slug="small", key="p2", ref="x", amount=1, at=AT).amount == 0
    assert promise_pay(promise_id=promised.promise_id or 0, key="k", kind="gift", ref="x", amount=10, at=AT).bonus == 10


def test_a_budget_moves_with_what_remains_and_covers_what_is_given(person: Person) -> None:
    who = person()
    campaign = campaign_create(slug="small", budget_credits=20)
    give(who, 15, source="campaign:small")
    campaign_budget_set(campaign_id=campaign.pk, budget_credits=40)
    assert remaining("small") == 25
    with pytest.raises(InvalidInput):
        campaign_budget_set(campaign_id=campaign.pk, budget_credits=14)
    assert remaining("small") == 25
    assert campaign_create(slug="small", budget_credits=1).budget_credits == 40


def newcomer() -> int:
    return User.objects.create(username="newcomer", created_at=AT).pk


def test_a_newcomer_has_a_wallet_and_the_gift_once(db: None) -> None:
    who, start = newcomer(), remaining("sign-up")
    sign_up_gift(user_id=who, number=1, payload={})
    sign_up_gift(user_id=who, number=2, payload={})
    assert balance_of(who) == Balance(bonus=100, available=100, earned=100)
    assert remaining("sign-up") == start - 100
    assert Transaction.objects.get(user_id=who).kind == "gift"


@pytest.mark.parametrize("is_told", [True, False])
def test_an_erased_identity_is_not_paid_again(db: None, is_told: bool) -> None:
    who, digest = newcomer(), hashlib.sha256(b"phone").digest()
    ErasedIdentity.objects.create(digest=digest, erased_at=AT)
    payload = {"returning": True} if is_told else {"identity_digests": [hashlib.sha256(b"new").hexdigest(), digest.hex()]}
    sign_up_gift(user_id=who, number=1, payload=payload)
    assert Wallet.objects.filter(pk=who).exists()
    assert balance_of(who).available == 0


def test_an_exhausted_campaign_fails_no_sign_up(db: None) -> None:
    who = newcomer()
    campaign = Campaign.objects.get(slug="sign-up")
    campaign_budget_set(campaign_id=campaign.pk, budget_credits=99)
    sign_up_gift(user_id=who, number=1, payload={})
    assert balance_of(who) == Balance()
    assert Wallet.objects.filter(pk=who).exists()


@pytest.mark.parametrize("error", [DatabaseUnavailable(), DatabaseError("no"), SourceUnknown(source="campaign:sign-up")])
def test_a_gift_that_cannot_be_paid_fails_no_sign_up(db: None, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(gift, "grant", fail)
    who = newcomer()
    sign_up_gift(user_id=who, number=1, payload={})
    assert Wallet.objects.filter(pk=who).exists()


def test_an_erased_user_forfeits_credits_and_coins_but_not_what_tasks_hold(person: Person) -> None:
    who, fan = person(paid=50, bonus=30), person(paid=10)
    transfer(from_user_id=fan, to_user_id=who, key="t", kind="tip", ref="w", amount=10, at=AT)
    hold(user_id=who, key="h", ref="task:1", amount=5, at=AT)
    forfeit(user_id=who, number=1, payload={})
    assert balance_of(who) == Balance(held=5, spent=5, earned=5)
    lost = set(Posting.objects.filter(account="losses").values_list("unit", "amount"))
    assert lost == {("credits", 75), ("coins", 900)}
    before = moved()
    forfeit(user_id=who, number=2, payload={})
    forfeit(user_id=0, number=1, payload={})
    assert moved() == before
