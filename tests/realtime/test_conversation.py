"""Conversations without a network: order, resuming, ends, and everything hostile a client may say. No database: the log is a list."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as fuzzing
from hypothesis import strategies as st

from accounts.realtime.callers import Caller
from accounts.realtime.listener import Listener, Message
from accounts.realtime.outbox import Outbox
from accounts.realtime.stomp import conversation as module
from accounts.realtime.stomp import teller
from accounts.realtime.stomp.conversation import Conversation
from accounts.realtime.stomp.frames import encoded
from accounts.realtime.stomp.knocks import knocks
from accounts.realtime.stomp.messages import PROGRESS, REPLY, RESULT, Told
from accounts.realtime.stomp.sends import GENERATE, STATUS, Answer, Sent
from config.kernel.errors import NotSignedIn
from config.kernel.principal import Principal
from tests.realtime.sockets import split

Result = TypeVar("Result")
Frame = tuple[str, dict[str, str], str]


@dataclass
class Row:
    number: int
    kind: str
    payload: Any


@dataclass
class World:
    """A user's log, and who listens to it here."""

    log: list[Row] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    proven: list[str] = field(default_factory=list)
    life_s: float = 3600.0

    def append(self, kind: str, task: str, *, is_announced: bool = True) -> Row:
        row = Row(len(self.log) + 1, kind, {"task_id": task})
        self.log.append(row)
        if is_announced:
            self.offer(Message(row.number, kind, row.payload))
        return row

    def offer(self, message: Message) -> None:
        for listener in self.listeners:
            listener.offer(message)

    async def join(self, listener: Listener, _address: str) -> None:
        self.listeners.append(listener)

    async def leave(self, listener: Listener, _address: str) -> None:
        self.listeners.remove(listener)

    def after(self, user_id: int, number: int, *, limit: int = 200) -> list[Row]:
        return [row for row in list(self.log) if row.number > number][:limit]

    def prove(self, authorization: str) -> tuple[Caller, int]:
        self.proven.append(authorization)
        if authorization != "Bearer right":
            raise NotSignedIn()
        return Caller(Principal(user_id=7, user_uuid=uuid.uuid4()), time.monotonic() + self.life_s), len(self.log)


def _told(_user_id: int, message: Message) -> list[Told]:
    """As `messages.told`, of tasks that need no database."""
    task = message.payload["task_id"]
    percent = int(message.payload.get("progress", 100 if message.kind == "task.completed" else 0))
    body = orjson.dumps({"taskId": task, "progress": percent, "totalSteps": 100, "currentStep": percent, "number": message.number})
    progress = Told(PROGRESS, body, task, percent, message.kind == "task.progress")
    if message.kind == "task.completed":
        return [progress, Told(RESULT, body, task)]
    return [Told(RESULT, body, task)] if message.kind == "task.failed" else [progress]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(module.hub, "join", made.join)
    monkeypatch.setattr(module.hub, "leave", made.leave)
    monkeypatch.setattr(module.hub, "has_room", lambda *_: True)
    monkeypatch.setattr(module, "_prove", made.prove)
    monkeypatch.setattr(teller, "GATHER_S", 0.005)
    monkeypatch.setattr(teller, "WITHOUT_RESULTS_S", 0.01)
    monkeypatch.setattr(teller, "events_after", made.after)
    monkeypatch.setattr("accounts.realtime.listener.events_after", made.after)
    monkeypatch.setattr(teller, "last_number", lambda _: len(made.log))
    monkeypatch.setattr("accounts.realtime.stomp.messages.told_quickly", _told)
    knocks._refused.clear()
    return made


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    return asyncio.run(asyncio.wait_for(work(), 60))


class Talk:
    """A client in the same loop."""

    def __init__(self, address: str = "1.2.3.4") -> None:
        self.outbox = Outbox()
        self.conversation = Conversation(self.outbox, address)

    async def say(self, command: str, headers: dict[str, str] | None = None, body: str = "") -> None:
        await self.conversation.hear(encoded(command, headers or {}, body.encode()))

    async def hello(self, **headers: str) -> dict[str, str]:
        await self.say("CONNECT", {"accept-version": "1.2", "Authorization": "Bearer right", **headers})
        command, found, _ = (await self.next(1))[0]
        assert command == "CONNECTED"
        return found

    async def subscribe(self, *destinations: str, **headers: str) -> None:
        for destination in destinations:
            more = {name.replace("_", "-"): value for name, value in headers.items()}
            await self.say("SUBSCRIBE", {"destination": destination, "id": destination, **more})

    async def next(self, count: int = 1, seconds: float = 30) -> list[Frame]:
        """The next `count` frames."""
        found: list[Frame] = []
        deadline = time.monotonic() + seconds
        while len(found) < count:
            assert time.monotonic() < deadline, found
            found += [split(text) for text in self.outbox.take(1) if text != "\n"]
            if not len(self.outbox):
                await asyncio.sleep(0.001)
        return found

    async def rest(self, seconds: float = 0.1) -> list[Frame]:
        """What comes within a while."""
        await asyncio.sleep(seconds)
        return [split(text) for text in self.outbox.take(1000) if text != "\n"]

    async def until_about(self, task: str) -> list[Frame]:
        """What comes until something about `task` does."""
        found: list[Frame] = []
        while not found or json.loads(found[-1][2])["taskId"] != task:
            found += await self.next()
        return found

    async def until_quiet(self, seconds: float = 0.5) -> list[Frame]:
        """What comes until nothing has come for a while."""
        found: list[Frame] = []
        while more := await self.rest(seconds):
            found += more
        return found


# The reply comes first.


def test_the_reply_comes_before_every_event_of_its_task_however_fast_the_worker_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def order(sent: Sent) -> Answer:
        assert sent.destination == GENERATE
        assert is_over.wait(30)
        return Answer(b'{"type":"reply","taskId":"t"}')

    monkeypatch.setattr(module.sends, "answered", order)

    async def work() -> None:
        talk, other = Talk(), Talk()
        for one in (talk, other):
            await one.hello()
            await one.subscribe(REPLY, PROGRESS, RESULT)
        sending = asyncio.create_task(talk.say("SEND", {"destination": GENERATE, "receipt": "r"}, "{}"))
        await asyncio.sleep(0.05)
        for kind in ("task.created", "task.started", "task.completed"):
            world.append(kind, "t")
        world.offer(Message(None, "task.progress", {"task_id": "t", "progress": 30}))
        assert await talk.rest(0.2) == []
        assert [headers["destination"] for _, headers, _ in await other.next(4)] == [PROGRESS, PROGRESS, PROGRESS, RESULT]
        is_over.set()
        await sending
        found = await talk.next(6) + await talk.rest(0.3)
        assert [headers.get("destination", command) for command, headers, _ in found] == [
            REPLY, "RECEIPT", PROGRESS, PROGRESS, PROGRESS, RESULT,
        ]  # fmt: skip
        assert found[0][1]["event-id"] == "0"  # resuming after the reply misses nothing of the task
        assert await other.rest() == []  # the reply is for the connection that asked
        for one in (talk, other):
            await one.conversation.stop()

    run(work)


def test_a_replayed_answer_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sends, "answered", lambda sent: Answer(b"{}", is_replayed=sent.key == "k"))

    async def work() -> None:
        talk = Talk()
        await talk.hello()
        await talk.subscribe(REPLY)
        await talk.say("SEND", {"destination": GENERATE}, "{}")
        await talk.say("SEND", {"destination": GENERATE, "Idempotency-Key": "k"}, "{}")
        first, again = await talk.next(2)
        assert ("idempotent-replayed" in first[1], again[1]["idempotent-replayed"]) == (False, "true")
        await talk.conversation.stop()

    run(work)


def test_a_sender_who_proves_nothing_any_more_is_told_and_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Sent) -> Answer:
        raise NotSignedIn()

    monkeypatch.setattr(module.sends, "answered", gone)

    async def work() -> None:
        talk = Talk()
        await talk.hello()
        await talk.say("SEND", {"destination": STATUS, "receipt": "r"}, "{}")
        [(command, headers, _)] = await talk.next()
        assert (command, headers["message"], headers["receipt-id"]) == ("ERROR", "The session has ended", "r")
        assert talk.outbox.closing == (1008, "Refused")
        await talk.conversation.stop()

    run(work)


# Resuming.


async def _storm(world: World, chance: random.Random, *, is_global: bool) -> dict[str, list[int]]:
    """A client that is cut off at random and says what it saw last, while a log of 300 events grows, some of it unannounced."""
    got: dict[str, list[int]] = {PROGRESS: [], RESULT: []}
    last: dict[str, str] = {}

    async def grow() -> None:
        for number in range(100):
            task = f"t{number}"
            for kind in ("task.created", "task.started", chance.choice(("task.completed", "task.completed", "task.failed"))):
                world.append(kind, task, is_announced=chance.random() < 0.9)
                if chance.random() < 0.5:
                    await asyncio.sleep(chance.random() / 200)

    growing = asyncio.create_task(grow())
    newest = 0
    while True:
        was_over = growing.done()
        talk = Talk()
        await talk.hello()
        for destination in chance.sample((PROGRESS, RESULT), 2):
            await talk.subscribe(destination, last_event_id=str(newest) if is_global else last.get(destination, "0"))
        for listener in world.listeners if was_over else ():
            listener.catch_up()
        for command, headers, body in await (talk.until_quiet() if was_over else talk.rest(chance.random() / 20)):
            if not was_over and chance.random() < 0.05:
                break  # cut off here: the rest never arrived
            assert command == "MESSAGE"
            got[headers["destination"]].append(json.loads(body)["number"])
            last[headers["destination"]] = headers["event-id"]
            assert int(headers["event-id"]) >= newest or not is_global
            newest = int(headers["event-id"])
        await talk.conversation.stop()
        if was_over:
            return got


def _expected(world: World) -> dict[str, list[int]]:
    every: dict[str, list[int]] = {PROGRESS: [], RESULT: []}
    for row in world.log:
        for one in _told(7, Message(row.number, row.kind, row.payload)):
            every[one.destination].append(row.number)
    return every


@pytest.mark.parametrize("is_global", [False, True], ids=["each destination", "one id for all"])
@pytest.mark.parametrize("seed", range(6))
def test_who_resumes_gets_every_message_in_order_and_at_most_the_last_completion_twice(world: World, seed: int, is_global: bool) -> None:
    got = run(lambda: _storm(world, random.Random(seed), is_global=is_global))
    assert len(world.log) == 300
    expected = _expected(world)
    assert got[RESULT] == expected[RESULT]
    again = [number for before, number in itertools.pairwise(got[PROGRESS]) if before == number]
    assert [number for number, _ in itertools.groupby(got[PROGRESS])] == expected[PROGRESS]
    assert {row.kind for row in world.log if row.number in again} <= {"task.completed"}


@pytest.mark.parametrize("order", [(PROGRESS, RESULT), (RESULT, PROGRESS), (REPLY, PROGRESS, RESULT)], ids=" ".join)
def test_who_is_cut_off_between_two_of_their_subscriptions_has_one_number_that_is_true_for_all(
    world: World, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]
) -> None:
    monkeypatch.setattr(teller, "GATHER_S", 0.5)
    monkeypatch.setattr(teller, "WITHOUT_RESULTS_S", 30.0)
    for number in range(10):
        world.append("task.created", f"t{number}")
        world.append("task.completed", f"t{number}")

    async def work() -> None:
        talk = Talk()
        await talk.hello()
        for destination in order:
            await talk.subscribe(destination, last_event_id="0")
            await asyncio.sleep(0.05)  # every frame travels alone
        told = [(headers["destination"], int(headers["event-id"])) for _, headers, _ in await talk.next(30)]
        assert [number for _, number in told] == sorted(number for _, number in told)
        assert [number for destination, number in told if destination == RESULT] == list(range(2, 21, 2))
        await talk.subscribe(PROGRESS, id="again", last_event_id="18")
        await talk.say("UNSUBSCRIBE", {"id": "again"})
        world.append("task.failed", "last")
        assert [headers["event-id"] for _, headers, _ in await talk.next(1)] == ["21"]
        await talk.conversation.stop()

    run(work)


def test_while_the_rest_is_held_back_nobody_else_waits_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teller, "WITHOUT_RESULTS_S", 0.5)
    world.append("task.created", "a")

    async def work() -> None:
        talk = Talk()
        await talk.hello()
        await talk.subscribe(PROGRESS)
        await talk.subscribe(PROGRESS, id="back", last_event_id="0")
        world.append("task.created", "b")
        told = [(headers["subscription"], headers["event-id"]) for _, headers, _ in await talk.next(3)]
        assert told == [(PROGRESS, "2"), ("back", "1"), ("back", "2")]
        await talk.conversation.stop()

    run(work)


def test_a_number_from_the_future_or_the_past_costs_nobody_an_event(world: World) -> None:
    async def work() -> None:
        talk = Talk()
        await talk.hello()
        world.append("task.failed", "a")
        await talk.subscribe(RESULT, last_event_id="9" * 18)
        await asyncio.sleep(0.05)
        world.append("task.failed", "b")
        assert [json.loads(body)["taskId"] for _, _, body in await talk.until_about("b")][-1] == "b"
        await talk.conversation.stop()

    run(work)


def test_who_has_seen_nothing_yet_may_say_so_with_an_empty_number(world: World) -> None:
    world.append("task.failed", "a")

    async def work() -> None:
        talk = Talk()
        await talk.hello()
        await talk.subscribe(RESULT, last_event_id="")
        assert await talk.rest(0.1) == []
        world.append("task.failed", "b")
        assert [json.loads(body)["taskId"] for _, _, body in await talk.next(1)] == ["b"]
        await talk.conversation.stop()

    run(work)


def test_who_is_cut_off_before_the_first_message_knows_where_to_go_on(world: World) -> None:
    world.append("task.failed", "a")

    async def work() -> None:
        talk, back = Talk(), Talk()
        seen = (await talk.hello())["event-id"]
        await talk.conversation.stop()
        world.append("task.failed", "b")
        await back.hello()
        await back.subscribe(RESULT, last_event_id=seen)
        assert [json.loads(body)["taskId"] for _, _, body in await back.until_about("b") + await back.rest(0.2)] == ["b"]
        await back.conversation.stop()

    run(work)


def test_an_event_that_the_client_had_from_elsewhere_is_not_told_again(world: World) -> None:
    """It was told by another process, and this one hears of it only now."""

    async def work() -> None:
        talk = Talk()
        await talk.hello()
        row = world.append("task.failed", "a", is_announced=False)
        await talk.subscribe(RESULT, last_event_id=str(row.number))
        await asyncio.sleep(0.05)
        world.offer(Message(row.number, row.kind, row.payload))
        world.append("task.failed", "b")
        assert [json.loads(body)["taskId"] for _, _, body in await talk.until_about("b") + await talk.rest(0.2)] == ["b"]
        await talk.conversation.stop()

    run(work)


def test_steps_come_half_a_second_apart_and_end_with_the_task(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put = Outbox.put

    async def work() -> None:
        talk = Talk()
        await talk.hello()
        await talk.subscribe(PROGRESS, RESULT)
        world.append("task.created", "a")
        seen: list[tuple[float, int]] = []

        def noted(box: Outbox, text: str) -> None:
            if box is talk.outbox:
                seen.append((time.monotonic(), json.loads(split(text)[2])["progress"]))
            put(box, text)

        monkeypatch.setattr(Outbox, "put", noted)
        turn, begun = 0, time.monotonic()
        while len(seen) < 4:
            turn += 1
            assert time.monotonic() < begun + 30
            world.offer(Message(None, "task.progress", {"task_id": "a", "progress": (turn * 7) % 95}))
            await asyncio.sleep(0.01)
        assert turn > len(seen)
        monkeypatch.setattr(Outbox, "put", put)
        await talk.rest(0)
        world.append("task.failed", "a")
        world.offer(Message(None, "task.progress", {"task_id": "a", "progress": 99}))
        [(_, headers, _)] = await talk.next() + await talk.rest(0.7)
        assert headers["destination"] == RESULT
        assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)
        assert all(later - at > 0.45 for (at, _), (later, _) in itertools.pairwise(seen[1:]))
        await talk.conversation.stop()

    run(work)


# Ends.


def test_nothing_but_a_connect_in_time(world: World, settings: Any) -> None:
    settings.REALTIME_CONNECT_WITHIN_S = 0.1

    async def work() -> None:
        talk = Talk()
        await talk.conversation.hear("\n\n")
        [(command, headers, _)] = await talk.next()
        assert (command, headers["message"]) == ("ERROR", "CONNECT was awaited")
        assert talk.outbox.closing == (1008, "Refused")
        await talk.conversation.stop()

    run(work)


def test_a_silent_client_is_cut_off_and_one_that_beats_is_not(world: World, settings: Any) -> None:
    settings.REALTIME_STOMP_BEAT_MS, settings.REALTIME_SILENCE_S = 50, 0.3

    async def work() -> None:
        silent, beating, careless = Talk(), Talk(), Talk()
        await silent.hello(**{"heart-beat": "50,0"})
        await beating.hello(**{"heart-beat": "50,50"})
        await careless.hello(**{"heart-beat": "0,0"})
        for _ in range(12):
            await beating.conversation.hear("\n")
            await asyncio.sleep(0.05)
        [(command, headers, _)] = await silent.next()
        assert (command, headers["message"]) == ("ERROR", "No heart-beat")
        assert beating.outbox.take(50).count("\n") >= 5
        assert (beating.outbox.closing, careless.outbox.closing) == (None, None)
        for talk in (silent, beating, careless):
            await talk.conversation.stop()

    run(work)


def test_a_conversation_lives_as_long_as_its_proof(world: World) -> None:
    async def work() -> None:
        world.life_s = 0.2
        expiring = Talk()
        await expiring.hello()
        world.life_s = 60
        ended = Talk()
        await ended.hello()
        for listener in world.listeners[1:]:
            listener.end()
        assert [(command, headers["message"]) for command, headers, _ in await ended.next()] == [("ERROR", "The session has ended")]
        assert [(command, headers["message"]) for command, headers, _ in await expiring.next()] == [("ERROR", "Token expired")]
        for talk in (expiring, ended):
            await talk.conversation.stop()

    run(work)
    assert world.listeners == []


def test_an_address_that_proves_nothing_is_refused_unread_after_a_while(world: World, settings: Any) -> None:
    settings.RATE_LIMITS, settings.REALTIME_REFUSALS_A_MINUTE = True, 3

    async def knock(token: str, address: str) -> str:
        talk = Talk(address)
        await talk.say("CONNECT", {"accept-version": "1.2", "Authorization": f"Bearer {token}"})
        [(_, headers, _)] = await talk.next()
        await talk.conversation.stop()
        return headers.get("message", "")

    async def work() -> None:
        said = [await knock("wrong", "a") for _ in range(5)]
        assert said == ["Unauthorized"] * 3 + ["Too many refusals"] * 2
        assert (len(world.proven), await knock("right", "a"), await knock("right", "b")) == (3, "Too many refusals", "")

    run(work)


# Hostile.


def test_thousands_of_subscriptions_are_refused(world: World) -> None:
    async def work() -> None:
        talk = Talk()
        await talk.hello()
        wishes = "".join(f"SUBSCRIBE\nid:{number}\ndestination:{RESULT}\n\n\0" for number in range(5000))
        await talk.conversation.hear(wishes)
        [(command, headers, _)] = await talk.rest()
        assert (command, headers["message"]) == ("ERROR", "Too many subscriptions")
        await talk.conversation.stop()

    run(work)


def test_what_comes_after_the_end_is_not_read(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        talk = Talk()
        await talk.hello()
        for text in ("HEL猫O\n", "\n\n\0", "SUBSCRIBE\n"):
            await talk.conversation.hear(text)
        assert [headers["message"] for _, headers, _ in await talk.rest()] == ["Unknown command"]
        await talk.conversation.stop()

    run(work)
    assert not caplog.records


PIECES = st.sampled_from([
    "CONNECT\n", "SEND\n", "SUBSCRIBE\n", "UNSUBSCRIBE\n", "ACK\n", "NACK\n", "BEGIN\n", "DISCONNECT\n", "\n", "\r\n", "\0", ":", "\\", "\\c",
    "id:1\n", f"destination:{REPLY}\n", f"destination:{STATUS}\n", f"destination:{GENERATE}\n", "destination:/x\n", "receipt:\\n\n",
    "last-event-id:1.1\n", "content-length:3\n", "content-length:99999999\n", "content-length:-1\n", "accept-version:1.2\n",
    "heart-beat:0,0\n", "Authorization:Bearer right\n", "{}", "[" * 3000, "\ud800", "\u2028", "猫", "a" * 9000,
])  # fmt: skip


@fuzzing(max_examples=300)
@given(texts=st.lists(st.one_of(PIECES, st.text(max_size=40)), max_size=25), is_connected=st.booleans())
def test_nothing_that_is_said_raises_or_is_answered_without_end(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, texts: list[str], is_connected: bool
) -> None:
    monkeypatch.setattr(module.sends, "answered", lambda _: Answer(b"{}"))
    knocks._refused.clear()

    async def work() -> None:
        talk = Talk()
        if is_connected:
            await talk.hello()
        for text in ["".join(texts), *texts]:
            await talk.conversation.hear(text)
        found = talk.outbox.take(1000)
        errors = [place for place, text in enumerate(found) if text.startswith("ERROR")]
        assert errors in ([], [len(found) - 1])  # an ERROR frame is the last thing that is said
        assert bool(errors) <= (talk.outbox.closing is not None)
        assert not any("Internal error" in text for text in found)
        await talk.conversation.stop()

    run(work)
    assert not caplog.records
    assert world.listeners == []
