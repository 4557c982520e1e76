"""A slow reader is cut off, never buffered for ever; what waits before the end still leaves."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from accounts.realtime.outbox import ROOM, WAITING_MAX, WAITING_MAX_BYTES, Outbox
from accounts.realtime.sockjs.websocket import Socket


def in_loop(work: Any) -> Any:
    return asyncio.run(work())


@pytest.mark.parametrize(("text", "count"), [("x", WAITING_MAX), ("x" * (WAITING_MAX_BYTES // 4), 4)], ids=["count", "size"])
def test_one_too_many_closes_and_frees(text: str, count: int) -> None:
    async def work() -> None:
        box = Outbox()
        for _ in range(count):
            box.put(text)
        assert (box.closing, len(box)) == (None, count)
        box.put(text)
        assert (box.closing, len(box)) == ((1013, "Too slow"), 0)
        box.put("late")
        assert len(box) == 0

    in_loop(work)


def test_room_is_told_and_the_first_end_stands() -> None:
    async def work() -> None:
        box = Outbox()
        for number in range(ROOM + 1):
            box.put(str(number))
        assert not box.drained.is_set()
        assert box.take(1) == ["0"]
        assert box.drained.is_set()
        box.close(1008, "first")
        box.close(1000, "second")
        assert box.closing == (1008, "first")
        assert len(box.take()) == ROOM
        assert box.woken.is_set()

    in_loop(work)


class Chatter:
    """Says far too much as soon as it begins."""

    stopped = 0

    def __init__(self, outbox: Outbox, address: str) -> None:
        for _ in range(WAITING_MAX + 1):
            outbox.put("x")

    async def hear(self, text: str) -> None: ...

    async def stop(self) -> None:
        Chatter.stopped += 1


class Whisper(Chatter):
    """Says one thing, which nobody takes."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        outbox.put("x")


@pytest.mark.parametrize("talker", [Chatter, Whisper])
def test_a_socket_that_takes_nothing_is_let_go(settings: Any, talker: type[Chatter]) -> None:
    settings.REALTIME_STALLED_S = 0.2
    Chatter.stopped = 0

    async def send(event: MutableMapping[str, Any]) -> None:
        if event["type"] == "websocket.send":
            await asyncio.Event().wait()

    async def receive() -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def work() -> None:
        async with asyncio.timeout(30):
            await Socket(receive, send, is_framed=True).serve({}, talker, "1")

    in_loop(work)
    assert Chatter.stopped == 1
