"""Fixtures of every test: a real PostgreSQL, a real Redis, no other network.

`make test` brings both along; `pytest` alone does too under `tests.settings`, and takes `DATABASE_URL` and
`REDIS_URL` when they are given (a Redis that was given is never flushed).
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as fuzzing
from pytest_django.plugin import DjangoDbBlocker

from config.kernel import clock as kernel_clock
from config.kernel.redis import client
from tests.harness import Api, CopiedDatabase, copied_database, refuse_sockets

OWN_SERVICES = os.environ.get("TEST_SERVICES") == "own"
# The same examples in every run, however slow the machine is: a failure is one that anybody can repeat.
fuzzing.register_profile(
    "tests",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
fuzzing.load_profile("tests")
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"}
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Sockets are refused, passwords hash fast, and our own marks are known."""
    config.addinivalue_line("markers", "books_broken: the test spoils the books on purpose; they are not checked after it")
    refuse_sockets()
    kernel_clock.offset_source_set(None)  # the demo's clock would ask Redis and the database; its own tests install it
    from accounts.hashers import DigestedPBKDF2Hasher

    DigestedPBKDF2Hasher.iterations = 1_000


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: DjangoDbBlocker, django_db_modify_db_settings: None
) -> Iterator[None]:
    """The migrated test database, for every test that asks: pytest-django's own makes none when only `committed_db` does."""
    from django.test.utils import setup_databases, teardown_databases

    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default": True}, serialized_aliases=set())
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def _empty_redis() -> None:
    """The run begins with an empty Redis, if it is the run's own."""
    if OWN_SERVICES:
        client().flushdb()


@pytest.fixture(autouse=True)
def _fresh_redis() -> Iterator[None]:
    """What a test left in Redis is gone after it: its own database is emptied, of a given one only our limits."""
    yield
    if OWN_SERVICES:
        client().flushdb()
    else:
        for key in client().scan_iter("limit:*"):
            client().delete(key)


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, settings: Any) -> None:
    """Files that a test makes (media, text messages, mail) lie in a folder of its own."""
    settings.DATA_DIR = tmp_path / "data"
    settings.STORAGE_URL = f"file://{tmp_path / 'data' / 'media'}"
    settings.EMAIL_FILE_PATH = tmp_path / "data" / "mail"
    (tmp_path / "data").mkdir()


@pytest.fixture
def committed_db(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[CopiedDatabase]:
    """A database of the test's own, a copy of the migrated one, in which transactions really commit, for all its threads.

    The ledger refuses TRUNCATE, so what was committed can only go with its database.
    """
    if request.node.get_closest_marker("django_db"):
        raise pytest.UsageError(f"{request.node.nodeid}: committed_db and the mark django_db exclude each other")
    with django_db_blocker.unblock(), copied_database() as name:
        yield CopiedDatabase(name)


@pytest.fixture(autouse=True)
def books(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that touched the database and moved money, the books balance."""
    if "committed_db" in request.fixturenames:
        request.getfixturevalue("committed_db")
    elif request.node.get_closest_marker("django_db") or DATABASE_FIXTURES & set(request.fixturenames):
        request.getfixturevalue("db")
    else:
        yield
        return
    yield
    if not request.node.get_closest_marker("books_broken"):
        _check_books()


def _check_books() -> None:
    if connection.needs_rollback or not connection.is_usable():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('credits_transaction')")
        if cursor.fetchone() == (None,):
            return
        cursor.execute("SELECT EXISTS (SELECT 1 FROM credits_transaction)")
        if cursor.fetchone() == (False,):
            return
    from credits.services.check import check_books

    assert not list(check_books(kernel_clock.now())), "the books do not balance"


class Clock:
    """Business time in the hands of a test; real time stays."""

    def __init__(self) -> None:
        self.offset = dt.timedelta()

    def advance(self, **how_much: float) -> None:
        """Business time is later by `timedelta(**how_much)`."""
        self.offset += dt.timedelta(**how_much)

    def now(self) -> dt.datetime:
        """Business time."""
        return kernel_clock.now()


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Business time that the test may move; it is the machine's again afterwards."""
    moved = Clock()
    before = kernel_clock._offset_source
    kernel_clock.offset_source_set(lambda: moved.offset)
    yield moved
    kernel_clock.offset_source_set(before)


class UserFactory(Protocol):
    """Makes users through the real services."""

    def __call__(self, username: str = "", *, paid: int = 0, bonus: int | None = None, **fields: Any) -> Any: ...


@pytest.fixture
def user_factory() -> UserFactory:
    """Makes users through the real services: `paid` credits come from settled sandbox orders (so the books balance),
    `bonus` None is what the sign-up gift pays, a number is exactly that many."""

    def make(username: str = "", *, paid: int = 0, bonus: int | None = None, **fields: Any) -> Any:
        from accounts.services.user import user_create
        from operations.services.demo import gift_forgo
        from payments.services.sandbox import sandbox_purchase

        number = next(_numbers)
        proven = list(fields.pop("proven", ()))
        if bonus is not None:
            subject = f"none-{os.getpid()}-{number}"
            gift_forgo(kind="wechat", subject=subject)
            proven.append(("wechat", subject))
        user = user_create(username=username or f"user{number}", proven=proven, **fields)
        if bonus:
            give_bonus(user.pk, bonus)
        if paid:
            sandbox_purchase(user_id=user.pk, amount_cents=paid * 10, idempotency_key=f"factory-{number}", at=kernel_clock.now())
        return user

    return make


def give_bonus(user_id: int, amount_credits: int) -> None:
    """A campaign of tests, as large as it must be, gives bonus credits."""
    from config.kernel.sql import fetch_one
    from credits.models import Campaign

    Campaign.objects.get_or_create(slug="tests", defaults={"title": "Tests", "budget_credits": 10**12, "remaining_credits": 10**12})
    fetch_one(
        "SELECT * FROM credits_grant(%s::bigint, %s::text, %s::bytea, 'gift'::text, 'tests'::text, 0::bigint, %s::bigint, 'campaign:tests'::text, %s::timestamptz)",
        (user_id, f"tests-{next(_numbers)}", b"tests", amount_credits, kernel_clock.now()),
    )


class ApiFactory(Protocol):
    """Makes clients of contract `video`."""

    def __call__(self, user: Any = None, *, key: bool | str = False) -> Api: ...


@pytest.fixture
def api() -> ApiFactory:
    """`api(user)` is a client with a session of `user`, `api(user, key=True)` with an application key besides, `api()` with neither."""

    def make(user: Any = None, *, key: bool | str = False) -> Api:
        from accounts.services.session import session_open

        life_s = 7 * 86_400
        token = None
        if user is not None:
            token = session_open(user=user, form="body", access_life_s=life_s, refresh_life_s=30 * 86_400).access_token
        return Api(token, _application_key() if key is True else (key or None))

    return make


def _application_key() -> str:
    """A fresh application key of an operator of its own."""
    from accounts.services.api_key import api_key_create
    from accounts.services.user import user_create

    number = next(_numbers)
    operator = user_create(username=f"operator{number}", is_staff=True)
    return api_key_create(user_id=operator.pk, name="tests", is_application=True).key
