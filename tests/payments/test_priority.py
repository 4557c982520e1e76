"""A membership puts its user's tasks first in the queue for exactly as long as it runs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from generation.models import Task
from generation.services.task_create import task_create
from payments.models import MembershipPeriod
from payments.services.subscription import subscription_cancel, subscription_restore
from tests.generation.life.conftest import principal_of
from tests.payments.subscriptions import bought, placed, shanghai

AT = shanghai(2026, 1, 31, 18, 0)
DAY = dt.timedelta(days=1)
MOMENT = dt.timedelta(microseconds=1)
PARAMS = {"prompt": "a fox", "quality": "standard", "aspect_ratio": "landscape"}


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.dispatch._send", lambda *_: None)


@pytest.fixture
def user(demo: None, db: None, user_factory: Any) -> Any:
    """Somebody with a thousand bonus credits."""
    return user_factory(bonus=1_000)


def is_first(user: Any, at: dt.datetime) -> bool:
    """Whether a task that the user orders at that moment stands before those of others."""
    created = task_create(
        principal=principal_of(user), kind="text-to-video", offer="video/text-to-video", alias="sora2", params=PARAMS, at=at
    )
    return Task.objects.values_list("priority", flat=True).get(pk=created.id) == 1


def ends(user: Any) -> dt.datetime:
    return MembershipPeriod.objects.filter(user=user, cancelled_at=None).latest("ends_at").ends_at


def test_from_the_payment_to_the_end_and_not_a_moment_longer(user: Any) -> None:
    placed(user, "monthly", AT)
    assert not is_first(user, AT), "an order is no membership"
    bought(user, "monthly", AT)
    end = ends(user)
    moments = (AT - MOMENT, AT, AT + DAY, end - MOMENT, end, end + DAY)
    assert [is_first(user, at) for at in moments] == [False, True, True, True, False, False]


def test_bought_again_it_goes_on_without_a_gap(user: Any) -> None:
    bought(user, "monthly", AT)
    first_end = ends(user)
    bought(user, "quarterly", AT + DAY)
    assert [is_first(user, at) for at in (first_end, ends(user) - MOMENT, ends(user))] == [True, True, False]
    later = ends(user) + 5 * DAY
    bought(user, "monthly", later)
    assert [is_first(user, at) for at in (later - MOMENT, later)] == [False, True]


def test_refunded_it_ends_at_once_and_given_back_it_goes_on(user: Any) -> None:
    order = bought(user, "monthly", AT)
    assert subscription_cancel(order, at=AT + 3 * DAY)
    assert [is_first(user, at) for at in (AT + 3 * DAY - MOMENT, AT + 3 * DAY)] == [True, False]
    assert subscription_restore(order, at=AT + 9 * DAY)
    assert [is_first(user, at) for at in (AT + 9 * DAY, ends(user) - MOMENT, ends(user))] == [True, True, False]


def test_of_two_the_one_that_is_refunded_counts_no_more(user: Any) -> None:
    bought(user, "monthly", AT)
    second = bought(user, "monthly", AT)
    first_end = MembershipPeriod.objects.filter(user=user).earliest("ends_at").ends_at
    assert is_first(user, first_end + DAY)
    subscription_cancel(second, at=AT + DAY)
    assert [is_first(user, at) for at in (AT + 2 * DAY, first_end - MOMENT, first_end)] == [True, True, False]
