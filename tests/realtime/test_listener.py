"""What a listener sends, whatever order and number of messages reach it."""

from __future__ import annotations

import types
import uuid
from typing import Any

import pytest

from accounts.realtime import listener as module
from accounts.realtime.callers import Proof, host_is_ours, is_same_origin
from accounts.realtime.listener import WAITING_MAX, Listener, Message

LOG = [types.SimpleNamespace(number=number, kind="task.created", payload={}) for number in range(1, 1001)]


def listener(last: int = 0) -> Listener:
    return Listener(Proof(1, uuid.uuid4(), None), last, 1e9, is_behind=False)


@pytest.fixture(autouse=True)
def _log(monkeypatch: pytest.MonkeyPatch) -> None:
    def after(*, user_id: int, number: int, limit: int) -> list[Any]:
        return LOG[number : number + limit]

    monkeypatch.setattr(module, "events_after", after)


def numbers(messages: list[Message]) -> list[int | None]:
    return [message.number for message in messages]


def message(number: int | None) -> Message:
    return Message(number, "task.created", {})


def test_sends_in_order_and_each_once() -> None:
    one = listener()
    for number in (1, 2, 2, 1, 3):
        one.offer(message(number))
    assert numbers(one.take()) == [1, 2, 3]


def test_a_gap_is_filled_from_the_log() -> None:
    one = listener()
    one.offer(message(1))
    one.offer(message(5))
    assert numbers(one.take()) == [1]
    assert one.is_behind
    assert numbers(one.read())[:4] == [2, 3, 4, 5]


def test_progress_passes_without_a_number() -> None:
    one = listener(last=7)
    one.offer(message(None))
    assert numbers(one.take()) == [None]
    assert one.last == 7


def test_a_slow_client_costs_bounded_memory_and_misses_nothing() -> None:
    one = listener()
    for number in range(1, WAITING_MAX + 2):
        one.offer(message(number))
    assert one.is_behind
    assert not one.waiting
    seen: list[int | None] = []
    while one.is_behind:
        seen += numbers(one.read())
    assert seen == list(range(1, 1001))


def test_frames_survive_any_text() -> None:
    frame = Message(3, "task.failed", {"message": "line\nbreak\r\n\u2028 和"}).frame()
    assert frame.startswith(b"id: 3\nevent: task.failed\ndata: {")
    assert frame.count(b"\n") == 4
    assert b"\r" not in frame


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "a:1"}, True),
        ({"host": "a:1", "origin": "http://a:1"}, True),
        ({"host": "a:1", "origin": "http://b"}, False),
        ({"host": "a:1", "sec-fetch-site": "cross-site"}, False),
        ({"host": "a:1", "sec-fetch-site": "same-origin"}, True),
        ({"host": "a:1", "origin": "null"}, False),
        ({"host": "a:1", "origin": "http://["}, False),
    ],
)
def test_cookies_count_on_our_own_pages_only(headers: dict[str, str], expected: bool) -> None:
    assert is_same_origin(headers) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("localhost", True),
        ("LocalHost.", True),
        ("evil.example", False),
        ("", False),
        ("[", False),
        ("evil.example@localhost", False),
        ("localhost/evil.example", False),
    ],
)
def test_host_must_be_ours(host: str, expected: bool) -> None:
    assert host_is_ours(host, ["127.0.0.1", "localhost", "[::1]"]) is expected
