"""STOMP over every transport of `/ws` against a real server: messages, replay, ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from accounts.realtime.sockjs.endpoint import origin_allowed
from accounts.realtime.stomp.messages import PROGRESS, REPLY, RESULT
from accounts.services.event import event_append
from accounts.services.session import session_revoke_all
from generation.selectors.named import task_name
from generation.services.watch import progress_tell
from operations.services.installation import installation_mark
from tests.conftest import UserFactory
from tests.harness import CopiedDatabase
from tests.realtime.sockets import Client, Framed, Http, Raw, task_made
from tests.realtime.test_events import Server, token_of

pytestmark = [pytest.mark.slow]
Carrier = Callable[[Server], Client]
CARRIERS: dict[str, Carrier] = {
    "raw websocket": Raw,
    "websocket": Framed,
    "xhr_streaming": lambda server: Http(server, "xhr_streaming"),
    "eventsource": lambda server: Http(server, "eventsource"),
    "xhr": lambda server: Http(server, "xhr"),
}


@pytest.fixture
def server(committed_db: CopiedDatabase) -> Iterator[Server]:
    installation_mark()
    running = Server(committed_db.environment)
    yield running
    assert running.process.poll() is None  # whatever the test did, the process lives
    running.process.terminate()
    running.process.wait(20)


def completed(task: Any) -> int:
    return event_append(user_id=task.user_id, kind="task.completed", payload={"task_id": str(task.uuid), "kind": task.kind})


@pytest.mark.parametrize("carrier", CARRIERS.values(), ids=CARRIERS.keys())
def test_a_task_is_told_to_its_owner_over_every_transport(server: Server, user_factory: UserFactory, carrier: Carrier) -> None:
    user, stranger = user_factory(), user_factory()
    task = task_made(user)
    name = task_name(task.kind, task.created_at, task.pk)
    client, other = carrier(server), Raw(server)
    hello = client.hello(token_of(user), **{"heart-beat": "10000,10000"})
    assert (hello["version"], hello["heart-beat"]) == ("1.2", "10000,10000")
    other.hello(token_of(stranger))
    for number, destination in enumerate((PROGRESS, RESULT, REPLY)):
        client.subscribe(destination, str(number))
        other.subscribe(destination, str(number))

    progress_tell(task, 50)
    headers, body = client.message()
    assert (headers["subscription"], headers["destination"], headers["content-type"]) == ("0", PROGRESS, "application/json")
    expected = {"type": "progress", "taskId": name, "progress": 50, "currentStep": 15, "totalSteps": 30, "message": "正在生成图像..."}
    assert body == expected
    number = completed(task)
    assert client.message()[1]["progress"] == 100
    headers, body = client.message()
    assert (headers["subscription"], headers["event-id"]) == ("1", str(number))
    assert body == {"type": "result", "taskId": name, "status": "COMPLETED", "results": []}

    client.say("SEND", {"destination": "/app/task/status"}, json.dumps({"taskId": name}))
    headers, body = client.message()
    assert headers["subscription"] == "2"
    assert {"type": "status", "taskId": name, "status": "COMPLETED", "progress": 100, "results": []} == body
    other.say("SEND", {"destination": "/app/task/status"}, json.dumps({"taskId": name}))
    assert other.message()[1] == {"type": "error", "taskId": name, "code": "404", "message": "任务不存在"}
    assert other.quiet()

    client.say("DISCONNECT", {"receipt": "bye"})
    assert client.next()[:2] == ("RECEIPT", {"receipt-id": "bye"})
    assert client.next()[0] == ""
    if not isinstance(client, Raw) or isinstance(client, Framed):
        assert client.closing == (3000, "Go away!")


@pytest.mark.parametrize("carrier", [Raw, CARRIERS["xhr"]], ids=["websocket", "xhr"])
def test_who_comes_back_gets_what_was_missed_in_order_and_once(server: Server, user_factory: UserFactory, carrier: Carrier) -> None:
    user = user_factory()
    failed = task_made(user, status="FAILED", error_code="timeout")
    seen = completed(task_made(user))
    missed = [completed(task_made(user)) for _ in range(450)]
    missed.append(event_append(user_id=user.pk, kind="task.failed", payload={"task_id": str(failed.uuid)}))
    client = carrier(server)
    client.hello(token_of(user))
    client.subscribe(RESULT, "late", **{"last-event-id": str(seen)})
    live = completed(task_made(user))
    found = [client.message() for _ in range(len(missed) + 1)]
    assert [int(headers["event-id"]) for headers, _ in found] == [*missed, live]
    assert [body["code"] for _, body in found if body["type"] == "error"] == ["E008"]
    assert client.quiet()


def test_a_subscription_that_ended_is_told_nothing(server: Server, user_factory: UserFactory) -> None:
    user = user_factory()
    client = Raw(server)
    client.hello(token_of(user))
    client.subscribe(RESULT, "1")
    client.say("UNSUBSCRIBE", {"id": "1", "receipt": "u"})
    assert client.next()[0] == "RECEIPT"
    completed(task_made(user))
    assert client.quiet()


def test_revoked_and_expired_tokens_end_their_conversations(server: Server, user_factory: UserFactory) -> None:
    leaving, staying = user_factory(), user_factory()
    revoked, short, lasting = Raw(server), Framed(server), Raw(server)
    revoked.hello(token_of(leaving))
    short.hello(token_of(staying, life_s=6))
    lasting.hello(token_of(staying))
    session_revoke_all(user_id=leaving.pk)
    assert revoked.next()[:1] == ("ERROR",)
    assert revoked.next()[0] == ""
    assert revoked.closing is not None
    assert revoked.closing[0] == 1008
    command, headers, _ = short.next()
    assert (command, headers["message"]) == ("ERROR", "Token expired")
    assert short.next()[0] == ""
    assert lasting.quiet()


@pytest.mark.parametrize("authorization", ["", "Bearer nonsense", "Basic eDp5", "Bearer ", "Bearer ak_wrong"])
def test_who_proves_nothing_is_refused_without_a_reason(server: Server, authorization: str) -> None:
    client = Raw(server)
    client.say("CONNECT", {"accept-version": "1.2", **({"Authorization": authorization} if authorization else {})})
    command, headers, body = client.next()
    assert (command, headers["message"], body) == ("ERROR", "Unauthorized", "Unauthorized")
    assert client.next()[0] == ""


BEFORE: list[str] = [
    "SEND\n\n\0",
    "HELLO\n\n\0",
    "CONNECT\naccept-version:9\n\n\0",
    "CONNECT\n" + "a:b\n" * 70,
    "\ud800",
    "CONNECT\nheart-beat:x\n\n\0",
]
AFTER: list[str] = [
    "CONNECT\n\n\0",
    "SEND\ndestination:/app/nowhere\n\n{}\0",
    "SEND\ndestination:/app/task/status\ncontent-length:999999\n\n",
    "SUBSCRIBE\nid:1\ndestination:/user/other/queue/reply\n\n\0",
    "SUBSCRIBE\ndestination:/user/queue/reply\n\n\0",
    "SUBSCRIBE\nid:1\ndestination:/user/queue/reply\nlast-event-id:-1\n\n\0",
    "SUBSCRIBE\nid:1\ndestination:/user/queue/reply\nack:x\n\n\0",
    "SUBSCRIBE\nid:1\ndestination:/user/queue/reply\n\n\0SUBSCRIBE\nid:1\ndestination:/user/queue/reply\n\n\0",
    "".join(f"SUBSCRIBE\nid:{number}\ndestination:/user/queue/reply\n\n\0" for number in range(17)),
    "UNSUBSCRIBE\nid:7\n\n\0",
    "BEGIN\ntransaction:t\n\n\0",
    "SEND\ndestination:/app/task/status\na:\\t\n\n\0",
    "ACK\nid:1\n\n\0" * 301,
]


def test_what_is_wrong_gets_an_error_frame_and_the_end(server: Server, user_factory: UserFactory) -> None:
    token = token_of(user_factory())
    for is_connected, text in [*((False, text) for text in BEFORE), *((True, text) for text in AFTER)]:
        client = Framed(server)
        if is_connected:
            client.hello(token)
        client.put(text)
        command = client.next()[0]
        assert command == "ERROR", text[:60]
        assert client.next()[0] == ""
        assert client.closing is not None


BAD_STATUS: list[str] = [
    "",
    "[]",
    "{",
    '{"taskId": 5}',
    '{"taskId": "t2i_20250101_99"}',
    "[" * 5000,
    '{"taskId": "%s"}' % ("9" * 79),
    '{"taskId": "\\u0000"}',
    '{"taskId": "t2i_20250101_%s"}' % ("9" * 60),
]


def test_a_bad_question_is_answered_and_the_connection_stays(server: Server, user_factory: UserFactory) -> None:
    client = Raw(server)
    client.hello(token_of(user_factory()))
    client.subscribe(REPLY, "1")
    for body in BAD_STATUS:
        client.say("SEND", {"destination": "/app/task/status"}, body)
        assert client.message()[1]["type"] == "error", body


@pytest.mark.parametrize(("text", "code"), [(b"\0\1binary", 1003), ("x" * (1024 * 1024 + 1), 1009)], ids=["binary", "giant"])
def test_binary_and_giants_end_the_socket(server: Server, text: bytes | str, code: int) -> None:
    client = Raw(server)
    client.socket.send(text)
    assert client.next()[0] == ""
    assert client.closing is not None
    assert client.closing[0] == code


@pytest.mark.parametrize("text", ["[", "[1]", "{}", "[" * 100_000, '["a"'], ids=["open", "number", "object", "deep", "cut"])
def test_broken_json_ends_the_socket(server: Server, text: str) -> None:
    client = Framed(server)
    client.socket.send(text)
    assert client.next()[0] == ""
    assert client.closing == (1002, "Broken JSON encoding")


def test_old_versions_speak_as_they_did(server: Server, user_factory: UserFactory) -> None:
    user = user_factory()
    old, middle = Raw(server), Raw(server, subprotocols=["v11.stomp", "v10.stomp"])
    assert middle.socket.subprotocol == "v11.stomp"
    old.say("CONNECT", {"Authorization": f"Bearer {token_of(user)}"})
    command, headers, _ = old.next()
    assert (command, headers["version"], "heart-beat" in headers) == ("CONNECTED", "1.0", False)
    old.say("SUBSCRIBE", {"destination": RESULT, "receipt": "s"})
    assert old.next()[0] == "RECEIPT"
    middle.put(f"CONNECT\naccept-version:1.1,1.0\nAuthorization:Bearer {token_of(user)}\n\n\0")
    assert middle.next()[1]["version"] == "1.1"
    middle.put(f"SUBSCRIBE\ndestination:{RESULT}\nid:a\\cb\nack:client\n\n\0")
    middle.subscribe(PROGRESS, "2")
    completed(task_made(user))
    assert old.message()[0]["subscription"] == RESULT
    assert middle.message()[0]["subscription"] == "2"
    headers, _ = middle.message()
    assert (headers["subscription"], headers["ack"]) == (r"a\cb", headers["message-id"])


def test_beats_come_as_agreed(server: Server, user_factory: UserFactory) -> None:
    client = Raw(server)
    began = time.monotonic()
    client.hello(token_of(user_factory()), **{"heart-beat": "0,1"})
    assert client.texts.get(timeout=30) == "\n"
    assert time.monotonic() - began > 8, "a beat every ten seconds, a little early; the agreement itself is in test_pace"


def test_other_paths_and_foreign_hosts_open_no_socket(committed_db: CopiedDatabase) -> None:
    installation_mark()
    running = Server(committed_db.environment)
    try:
        for path in ("/ws/nothing", "/ws/0/websocket", "/wsx"):
            with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{running.port}{path}"):
                pass
        foreign = {"Host": "evil.example"}
        with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{running.port}/ws", additional_headers=foreign):
            pass
        assert httpx.get(f"{running.url}/ws").text == "Welcome to SockJS!\n"
    finally:
        running.process.terminate()
        running.process.wait(20)


def test_a_process_killed_in_the_middle_costs_its_clients_nothing(committed_db: CopiedDatabase, user_factory: UserFactory) -> None:
    installation_mark()
    user = user_factory()
    first_process = Server(committed_db.environment)
    client = Raw(first_process)
    client.hello(token_of(user))
    client.subscribe(RESULT, "1")
    seen = completed(task_made(user))
    assert client.message()[0]["event-id"] == str(seen)
    first_process.process.kill()
    first_process.process.wait(20)
    assert client.next()[0] == ""
    missed = [completed(task_made(user)) for _ in range(3)]
    second_process = Server(committed_db.environment)
    try:
        back = Framed(second_process)
        back.hello(token_of(user))
        back.subscribe(RESULT, "1", **{"last-event-id": str(seen)})
        assert [int(back.message()[0]["event-id"]) for _ in missed] == missed
    finally:
        second_process.process.terminate()
        second_process.process.wait(20)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [(None, True), ("http://friend.example", True), ("https://here.example:8000", True), ("http://evil.example", False), ("null", False)],
)
def test_sockets_open_to_our_own_and_listed_pages_only(settings: Any, origin: str | None, expected: bool) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS, settings.CORS_ALLOWED_ORIGINS = False, ["http://friend.example"]
    assert origin_allowed(origin, {"host": "here.example:8000"}) is expected
