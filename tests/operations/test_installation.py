"""What a database is for, the demo's people, and the demo's clock."""

from __future__ import annotations

import datetime as dt
import json
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import ApiKey, Installation, User
from config.kernel import clock
from config.kernel.errors import InvalidInput
from config.kernel.redis import client
from credits.selectors.wallet import balance_of
from operations.services import demo, demo_clock
from operations.services.installation import WrongInstallation, installation_judge, installation_mark
from tests.conftest import ApiFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_an_empty_database_takes_the_mark_of_its_mode(settings: Any) -> None:
    settings.DEMO = False
    assert installation_mark().is_demo is False
    settings.DEMO = True
    with pytest.raises(WrongInstallation):
        installation_mark()
    assert Installation.objects.get().is_demo is False


def test_demo_refuses_an_unmarked_database_with_people(user_factory: UserFactory) -> None:
    user_factory()
    with pytest.raises(WrongInstallation):
        installation_judge()
    assert not Installation.objects.exists()


def test_production_refuses_a_demo_but_bench_may_measure_it(settings: Any) -> None:
    installation_mark()
    settings.DEMO = False
    with pytest.raises(WrongInstallation):
        installation_judge()
    settings.BENCH = True
    installation_judge()


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "demo_showcase_create", lambda *, owner_id: False)


def test_demo_people_have_what_the_document_says(people: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PASSWORD", "fixed-for-a-test")
    assert demo.demo_create() is True
    told = json.loads(demo.demo_file().read_text())
    assert stat.S_IMODE(demo.demo_file().stat().st_mode) == 0o600
    assert User.objects.get(username=told["operator"]["username"]).is_superuser
    balances = [balance_of(User.objects.get(username=person["username"]).pk) for person in told["users"]]
    assert [(balance.paid, balance.available) for balance in balances[:2]] == [(10_000, 10_100)] * 2
    assert (balances[2].paid, balances[2].available) == (0, 0)
    assert all(User.objects.get(username=person["username"]).check_password("fixed-for-a-test") for person in told["users"])
    assert ApiKey.objects.filter(is_application=True).count() == len(told["users"])


def test_demo_twice_is_demo_once(people: None) -> None:
    demo.demo_create()
    before = demo.demo_file().read_text(), User.objects.count(), ApiKey.objects.count()
    assert demo.demo_create() is False
    assert (demo.demo_file().read_text(), User.objects.count(), ApiKey.objects.count()) == before


def test_a_lost_demo_file_comes_back_with_the_same_people(people: None) -> None:
    demo.demo_create()
    users = User.objects.count()
    demo.demo_file().unlink()
    demo.demo_create()
    told = json.loads(demo.demo_file().read_text())
    user = User.objects.get(username=told["users"][0]["username"])
    assert User.objects.count() == users
    assert user.check_password(told["users"][0]["password"])
    assert balance_of(user.pk).paid == 10_000


@pytest.fixture
def demo_time() -> Iterator[None]:
    installation_mark()
    clock.offset_source_set(demo_clock.clock_offset)
    yield
    clock.offset_source_set(None)


def ahead() -> float:
    return (clock.now() - clock.real_now()).total_seconds()


def test_the_clock_moves_for_every_process_and_survives_an_emptied_redis(demo_time: None, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        demo_clock.clock_advance(advance_s=3600)
    with django_capture_on_commit_callbacks(execute=True):
        assert demo_clock.clock_advance(advance_s=60) == dt.timedelta(seconds=3660)
    assert ahead() == pytest.approx(3660, abs=1)
    client().flushdb()
    assert ahead() == pytest.approx(3660, abs=1)
    client().set(demo_clock.REDIS_KEY, 7)
    assert ahead() == pytest.approx(7, abs=1)


@pytest.mark.parametrize("advance_s", [0, -5, True, 10**12])
def test_the_clock_refuses_nonsense(demo_time: None, advance_s: int) -> None:
    with pytest.raises(InvalidInput):
        demo_clock.clock_advance(advance_s=advance_s)
    assert Installation.objects.get().clock_offset_s == 0


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("nobody", {"advance_s": 5}, 401),
        ("user", {"advance_s": 5}, 403),
        ("operator", {"advance_s": "5"}, 422),
        ("operator", [], 422),
        ("operator", {"advance_s": 5}, 200),
    ],
)
def test_only_the_operator_moves_the_clock(
    demo_time: None, api: ApiFactory, user_factory: UserFactory, who: str, body: Any, status: int
) -> None:
    caller = None if who == "nobody" else user_factory(is_staff=who == "operator")
    answer = api(caller).post("/sandbox/clock", body)
    assert answer.status == status, answer.body
    assert Installation.objects.get().clock_offset_s == (5 if status == 200 else 0)
