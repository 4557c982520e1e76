"""Request limits against a real Redis."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import redis

from config.kernel import limits
from config.kernel.errors import TooManyRequests


@pytest.fixture(autouse=True)
def _limits_on(settings: Any) -> None:
    settings.RATE_LIMITS = True


def test_counts_down_and_refuses_the_next() -> None:
    assert [limits.take("code", "a", 3, 60).remaining for _ in range(3)] == [2, 1, 0]
    with pytest.raises(TooManyRequests) as refused:
        limits.take("code", "a", 3, 60)
    assert 1 <= refused.value.params["retry_after_s"] <= 60
    assert limits.take("code", "b", 3, 60).remaining == 2


def test_a_refusal_does_not_prolong_the_wait() -> None:
    limits.take("code", "a", 1, 1)
    for _ in range(3):
        with pytest.raises(TooManyRequests):
            limits.take("code", "a", 1, 1)
    threading.Event().wait(1.05)
    assert limits.take("code", "a", 1, 1).remaining == 0


def test_parallel_uses_never_exceed_the_limit() -> None:
    passed: list[int] = []

    def use() -> None:
        try:
            limits.take("code", "a", 10, 60)
            passed.append(1)
        except TooManyRequests:
            pass

    threads = [threading.Thread(target=use) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 10


def test_allows_everything_when_switched_off(settings: Any) -> None:
    settings.RATE_LIMITS = False
    assert [limits.take("code", "a", 1, 60).remaining for _ in range(3)] == [1, 1, 1]


def test_a_silent_redis_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = redis.Redis.from_url("unix:///nowhere/at/all.sock")
    monkeypatch.setattr(limits, "client", lambda: dead)
    assert limits.take("code", "a", 1, 60).remaining == 1


def test_forgets_on_request() -> None:
    limits.take("code", "a", 1, 60)
    limits.forget("code", "a")
    assert limits.take("code", "a", 1, 60).remaining == 0
