"""What the tests of accounts share."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest
from django.db import connections

from accounts.models import User
from accounts.services.session import Tokens, session_open
from accounts.services.user import user_create
from config.kernel import clock as kernel_clock

_numbers = itertools.count(1)
NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


class Person(Protocol):
    """Makes users."""

    def __call__(self, username: str = "", **fields: Any) -> User: ...


@pytest.fixture
def person() -> Person:
    """Makes users through the real service."""

    def make(username: str = "", **fields: Any) -> User:
        return user_create(username=username or f"person{next(_numbers)}", **fields)

    return make


def opened(user: User, form: str = "body", **fields: Any) -> Tokens:
    """A session of `user`."""
    return session_open(user=user, form=form, **{"access_life_s": 3600, "refresh_life_s": 86_400, **fields})


def in_parallel(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work(0)` … `work(count - 1)` returned or raised, each run in a thread with a database connection of its own."""

    def run(number: int) -> Any:
        try:
            return work(number)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.fixture
def real_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[dt.timedelta], None]:
    """Moves the machine's time as the kernel tells it."""
    real = kernel_clock.real_now

    def move(by: dt.timedelta) -> None:
        monkeypatch.setattr(kernel_clock, "real_now", lambda: real() + by)

    return move
