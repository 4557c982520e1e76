"""Monthly cards: reserved when ordered, claimed once a day of Shanghai, one after the other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.services.user import user_delete_request, user_erase
from credits.models import Campaign, Promise, Wallet
from credits.services.campaign import campaign_budget_set
from payments.exceptions import AlreadyClaimed, CardSoldOut, NoCard
from payments.models import Alarm, CardClaim, MonthlyCard, Order
from payments.selectors.subscription import card_of
from payments.services.card import card_claim
from payments.services.life import order_move
from payments.services.subscription import (
    order_effect,
    subscription_cancel,
    subscription_refundable_cents,
    subscription_restore,
    subscription_sweep,
)
from payments.states import OrderState
from tests.payments.conftest import credits_of, moved
from tests.payments.subscriptions import bought, left_in, paid, placed, shanghai, told
from tests.payments.test_races import AT_ONCE, at_once

AT = shanghai(2026, 1, 10, 20, 0)
TODAY = dt.date(2026, 1, 10)
DAY = dt.timedelta(days=1)
BUDGET = 10_000_000
WHOLE = 900
"""Credits of a whole card."""


@pytest.fixture
def user(demo: None, db: None, user_factory: Any) -> Any:
    """Somebody without credits."""
    return user_factory(bonus=0)


def cards(user: Any) -> list[tuple[str, dt.date | None, dt.date | None, int]]:
    """The user's cards in the order in which they were bought."""
    return list(MonthlyCard.objects.filter(user=user).order_by("pk").values_list("state", "first_day", "last_day", "claims"))


def exhaust(remaining: int) -> None:
    """The campaign has so much left."""
    campaign = Campaign.objects.get(slug="monthly-cards")
    campaign_budget_set(campaign_id=campaign.pk, budget_credits=campaign.budget_credits - campaign.remaining_credits + remaining)


def test_an_ordered_card_waits_with_all_its_claims_reserved(user: Any) -> None:
    placed(user, "monthly-card", AT)
    assert cards(user) == [("pending", None, None, 0)]
    assert left_in() == BUDGET - WHOLE
    assert card_of(user.pk, AT) is None
    before = moved()
    with pytest.raises(NoCard):
        card_claim(user_id=user.pk, at=AT)
    assert moved() == before


def test_a_paid_card_runs_from_today_for_thirty_days(user: Any) -> None:
    order = bought(user, "monthly-card", AT)
    assert cards(user) == [("live", TODAY, dt.date(2026, 2, 8), 0)]
    card = card_of(user.pk, AT)
    assert card is not None
    assert (card.start_at, card.end_at) == (shanghai(2026, 1, 10), shanghai(2026, 2, 8, 23, 59, 59))
    assert (card.days_remaining, card.today_claimed, card.claim_credits) == (30, False, 30)
    assert card.subscription_id == MonthlyCard.objects.get(order=order).pk
    assert told(user, "card") == [("started", None)]
    assert credits_of(user) == 0
    order_effect(order, at=AT + DAY)
    assert (cards(user)[0][1], left_in()) == (TODAY, BUDGET - WHOLE)


def test_a_claim_gives_bonus_credits_once_a_day(user: Any) -> None:
    bought(user, "monthly-card", AT)
    claimed = card_claim(user_id=user.pk, at=AT)
    assert (claimed.credits, claimed.balance, claimed.next_claim_at) == (30, 30, shanghai(2026, 1, 11))
    before = moved()
    with pytest.raises(AlreadyClaimed) as refused:
        card_claim(user_id=user.pk, at=AT + dt.timedelta(hours=3))
    assert (moved(), refused.value.params) == (before, {"next_claim_at": "2026-01-10T16:00:00Z"})
    wallet = Wallet.objects.get(pk=user.pk)
    assert (wallet.paid, wallet.bonus) == (0, 30)
    card = card_of(user.pk, AT)
    assert card is not None
    assert (card.days_remaining, card.today_claimed) == (29, True)
    assert told(user, "card") == [("started", None), ("claimed", None)]


def test_the_day_turns_at_midnight_in_shanghai(user: Any) -> None:
    bought(user, "monthly-card", AT)
    midnight = shanghai(2026, 1, 11)
    last_moment = card_claim(user_id=user.pk, at=midnight - dt.timedelta(microseconds=1))
    first_moment = card_claim(user_id=user.pk, at=midnight)
    assert (last_moment.next_claim_at, first_moment.next_claim_at) == (midnight, shanghai(2026, 1, 12))
    assert list(CardClaim.objects.order_by("day").values_list("day", flat=True)) == [TODAY, TODAY + DAY]


def test_twenty_claims_at_once_pay_one(committed_db: Any, demo: None, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    bought(user, "monthly-card", AT)
    results = at_once(lambda _: card_claim(user_id=user.pk, at=AT))
    refused = [result for result in results if isinstance(result, AlreadyClaimed)]
    assert (len(refused), credits_of(user), CardClaim.objects.count()) == (AT_ONCE - 1, 30, 1)
    assert MonthlyCard.objects.get().claims == 1


def test_without_the_lock_the_database_still_refuses_a_second_claim_of_a_day(
    committed_db: Any, demo: None, user_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from payments.services import card

    user = user_factory(bonus=0)
    bought(user, "monthly-card", AT)
    monkeypatch.setattr(card, "subscriptions_lock", lambda user_id: None)
    results = at_once(lambda _: card_claim(user_id=user.pk, at=AT))
    assert sum(isinstance(result, IntegrityError) for result in results) > 0
    assert (credits_of(user), CardClaim.objects.count()) == (30, 1)


def test_twenty_cards_settled_at_once_queue(committed_db: Any, demo: None, user_factory: Any) -> None:
    user = user_factory(bonus=0)
    orders = [placed(user, "monthly-card", AT) for _ in range(AT_ONCE)]
    assert at_once(lambda number: paid(orders[number], AT).fate) == ["fulfilled"] * AT_ONCE
    firsts = sorted(MonthlyCard.objects.values_list("first_day", "last_day"))
    assert firsts == [(TODAY + 30 * DAY * turn, TODAY + (30 * turn + 29) * DAY) for turn in range(AT_ONCE)]
    assert left_in() == BUDGET - AT_ONCE * WHOLE


def test_all_thirty_claims_and_no_more(user: Any, clock: Any) -> None:
    bought(user, "monthly-card", clock.now())
    for _ in range(30):
        card_claim(user_id=user.pk, at=clock.now())
        clock.advance(days=1)
    with pytest.raises(NoCard):
        card_claim(user_id=user.pk, at=clock.now())
    assert (credits_of(user), left_in()) == (WHOLE, BUDGET - WHOLE)
    assert subscription_sweep(at=clock.now()) == 1
    assert (cards(user)[0][0], left_in()) == ("ended", BUDGET - WHOLE)


def test_the_second_card_takes_its_turn(user: Any) -> None:
    bought(user, "monthly-card", AT)
    bought(user, "monthly-card", AT)
    assert [(first, last) for _, first, last, _ in cards(user)] == [
        (TODAY, TODAY + 29 * DAY),
        (TODAY + 30 * DAY, TODAY + 59 * DAY),
    ]
    card_claim(user_id=user.pk, at=AT)
    card_claim(user_id=user.pk, at=AT + 30 * DAY)
    assert [claims for *_, claims in cards(user)] == [1, 1]
    with pytest.raises(AlreadyClaimed):
        card_claim(user_id=user.pk, at=AT + 30 * DAY)


def test_an_exhausted_campaign_sells_no_card(user: Any) -> None:
    exhaust(WHOLE - 1)
    before = moved()
    with pytest.raises(CardSoldOut):
        placed(user, "monthly-card", AT)
    assert (moved(), cards(user), left_in(), Order.objects.count()) == (before, [], WHOLE - 1, 0)
    exhaust(WHOLE)
    placed(user, "monthly-card", AT)
    assert left_in() == 0


def test_an_order_that_ends_without_money_gives_its_reservation_back(user: Any) -> None:
    order = placed(user, "monthly-card", AT)
    order_move(order, OrderState.EXPIRED, at=AT + DAY)
    assert subscription_sweep(at=AT + DAY) == 1
    assert subscription_sweep(at=AT + DAY) == 0
    assert (cards(user), left_in()) == ([("cancelled", None, None, 0)], BUDGET)


@pytest.mark.parametrize("is_swept", [True, False])
def test_late_money_still_starts_the_card(user: Any, is_swept: bool) -> None:
    order = placed(user, "monthly-card", AT)
    order_move(order, OrderState.EXPIRED, at=AT + DAY)
    if is_swept:
        subscription_sweep(at=AT + DAY)
    paid(order, AT + 2 * DAY)
    assert cards(user) == [("live", TODAY + 2 * DAY, TODAY + 31 * DAY, 0)]
    assert left_in() == BUDGET - WHOLE


def test_late_money_into_an_exhausted_campaign_waits_with_an_alarm(user: Any) -> None:
    order = placed(user, "monthly-card", AT)
    order_move(order, OrderState.EXPIRED, at=AT + DAY)
    subscription_sweep(at=AT + DAY)
    exhaust(0)
    paid(order, AT + 2 * DAY)
    order.refresh_from_db()
    assert (order.status, cards(user)) == ("succeeded", [("pending", None, None, 0)])
    assert Alarm.objects.get().subject == f"order:{order.uuid}"
    assert subscription_refundable_cents(order, AT + 2 * DAY) == 2_900
    assert subscription_sweep(at=AT + 3 * DAY) == 0
    exhaust(WHOLE)
    assert subscription_sweep(at=AT + 4 * DAY) == 1
    assert cards(user) == [("live", TODAY + 4 * DAY, TODAY + 33 * DAY, 0)]


def test_unpaid_orders_of_one_user_cannot_buy_the_campaign_empty(user: Any) -> None:
    orders = [placed(user, "monthly-card", AT) for _ in range(6)]
    assert left_in() == BUDGET - 3 * WHOLE
    paid(orders[0], AT)
    assert (MonthlyCard.objects.get(order=orders[0]).state, left_in()) == ("live", BUDGET - 4 * WHOLE)


def test_the_end_of_a_card_returns_what_was_not_claimed(user: Any) -> None:
    bought(user, "monthly-card", AT)
    card_claim(user_id=user.pk, at=AT)
    end = shanghai(2026, 2, 9)
    assert subscription_sweep(at=end) == 1
    assert (cards(user)[0][0], left_in()) == ("ended", BUDGET - 30)
    with pytest.raises(NoCard):
        card_claim(user_id=user.pk, at=end)
    assert subscription_sweep(at=end) == 0


def test_reminders_come_three_days_and_one_day_before_the_last_card_ends(user: Any) -> None:
    bought(user, "monthly-card", AT)
    bought(user, "monthly-card", AT)
    end = shanghai(2026, 3, 11)
    for moment in (shanghai(2026, 2, 8), shanghai(2026, 2, 9), end - 4 * DAY, end - 3 * DAY, end - 2 * DAY, end - DAY, end):
        subscription_sweep(at=moment)
        assert subscription_sweep(at=moment) == 0
    assert told(user, "card")[2:] == [("ended", "over"), ("expiring", 3), ("expiring", 1), ("ended", "over")]


def test_what_is_unclaimed_is_refundable(user: Any) -> None:
    order = bought(user, "monthly-card", AT)
    assert subscription_refundable_cents(order, AT) == 2_900
    for turn in range(7):
        card_claim(user_id=user.pk, at=AT + turn * DAY)
    assert subscription_refundable_cents(order, AT + 7 * DAY) == 2_900 * 23 // 30 == 2_223
    assert subscription_refundable_cents(order, AT + 30 * DAY) == 0


def test_a_refunded_card_ends_and_the_next_one_moves_up(user: Any) -> None:
    first = bought(user, "monthly-card", AT)
    bought(user, "monthly-card", AT)
    card_claim(user_id=user.pk, at=AT)
    assert subscription_cancel(first, at=AT)
    assert not subscription_cancel(first, at=AT)
    assert cards(user)[1][:3] == ("live", TODAY + DAY, TODAY + 30 * DAY)  # today is claimed
    assert (left_in(), subscription_refundable_cents(first, AT)) == (BUDGET - 30 - WHOLE, 0)
    with pytest.raises(AlreadyClaimed):
        card_claim(user_id=user.pk, at=AT)
    card_claim(user_id=user.pk, at=AT + DAY)
    assert credits_of(user) == 60
    assert told(user, "card")[-2:] == [("ended", "refunded"), ("claimed", None)]


def test_a_refunded_card_in_the_queue_leaves_no_gap(user: Any) -> None:
    orders = [bought(user, "monthly-card", AT) for _ in range(3)]
    subscription_cancel(orders[1], at=AT + DAY)
    assert [row[:3] for row in cards(user) if row[0] == "live"] == [
        ("live", TODAY, TODAY + 29 * DAY),
        ("live", TODAY + 30 * DAY, TODAY + 59 * DAY),
    ]


def test_what_was_settled_again_starts_no_refunded_card(user: Any) -> None:
    order = bought(user, "monthly-card", AT)
    subscription_cancel(order, at=AT)
    order_move(order, OrderState.REFUNDED, at=AT)
    order_effect(order, at=AT)
    assert (cards(user)[0][0], left_in()) == ("cancelled", BUDGET)


def test_a_failed_refund_gives_back_all_unclaimed_days(user: Any) -> None:
    order = bought(user, "monthly-card", AT)
    card_claim(user_id=user.pk, at=AT)
    subscription_cancel(order, at=AT + DAY)
    assert subscription_restore(order, at=AT + 3 * DAY)
    assert not subscription_restore(order, at=AT + 3 * DAY)
    assert cards(user) == [("live", TODAY + 3 * DAY, TODAY + 31 * DAY, 1)]
    assert left_in() == BUDGET - WHOLE
    for turn in range(3, 32):
        card_claim(user_id=user.pk, at=AT + turn * DAY)
    assert credits_of(user) == WHOLE


def test_an_erased_users_card_runs_out_and_returns_its_rest(user: Any, clock: Any) -> None:
    for slug in ("monthly-card", "monthly-card", "monthly"):
        bought(user, slug, clock.now())
    user_delete_request(user_id=user.pk, at=clock.now())
    clock.advance(days=31)
    assert user_erase(user_id=user.pk, at=clock.now())
    subscription_sweep(at=clock.now())
    clock.advance(days=40)
    assert subscription_sweep(at=clock.now()) == 1
    assert ([row[0] for row in cards(user)], left_in()) == (["ended", "ended"], BUDGET)


def test_one_card_that_fails_holds_up_no_other(user: Any, user_factory: Any) -> None:
    other = user_factory(bonus=0)
    bought(user, "monthly-card", AT)
    bought(other, "monthly-card", AT)
    with pytest.MonkeyPatch.context() as patch:
        from payments.services import card

        real = card.promise_withdraw

        def fails_for_one(*, promise_id: int, at: dt.datetime) -> int:
            if Promise.objects.get(pk=promise_id).user_id == user.pk:
                raise RuntimeError("a test's own fault")
            return real(promise_id=promise_id, at=at)

        patch.setattr(card, "promise_withdraw", fails_for_one)
        assert subscription_sweep(at=AT + 40 * DAY) == 1
    assert (cards(user)[0][0], cards(other)[0][0]) == ("live", "ended")


@pytest.mark.parametrize("change", [{"claims": 31}, {"promise_id": None}, {"first_day": None}, {"last_day": None}])
def test_the_database_refuses_cards_that_cannot_be(user: Any, change: dict[str, Any]) -> None:
    bought(user, "monthly-card", AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        MonthlyCard.objects.update(**change)
