"""Orders, crowds and hostile clients at a real server: what stands in the database is what was told, and only to whom it belongs."""

from __future__ import annotations

import contextlib
import json
import queue
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connections
from websockets.exceptions import ConnectionClosed

from accounts.realtime.stomp.messages import PROGRESS, REPLY, RESULT
from accounts.services.api_key import api_key_create, api_key_revoke
from accounts.services.password import password_set
from accounts.services.session import session_revoke_all
from accounts.services.user import user_ban
from generation.models import Task
from generation.services.claim import owner_name, task_claim
from generation.services.run import task_run
from operations.services.installation import installation_mark
from tests.conftest import UserFactory
from tests.harness import CopiedDatabase
from tests.realtime.sockets import Client, Framed, Raw, task_made, until
from tests.realtime.test_events import Server, token_of
from tests.realtime.test_sockets import completed

pytestmark = [pytest.mark.slow]
Start = Callable[..., Server]
SMALL = {"type": "TEXT2IMG", "prompt": "a cat", "width": 64, "height": 64, "steps": 4}


@pytest.fixture
def start(committed_db: CopiedDatabase) -> Iterator[Start]:
    """Starts servers with these settings; whatever the test did, they live until it is over."""
    installation_mark()
    running: list[Server] = []

    def begin(**environment: str) -> Server:
        running.append(Server({**committed_db.environment, **environment}))
        return running[-1]

    yield begin
    for server in running:
        assert server.process.poll() is None
        server.process.terminate()
        server.process.wait(20)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """A worker that takes every task the moment it is committed: often before the order is answered."""
    monkeypatch.setattr("generation.dispatch._send", lambda *_: None)
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            task = task_claim(owner_name())
            if task is not None:
                task_run(task)
            else:
                time.sleep(0.002)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    is_over.set()
    thread.join()


def order(client: Client, body: dict[str, Any], **headers: str) -> None:
    client.say("SEND", {"destination": "/app/generate", **headers}, json.dumps(body))


def listening(client: Client, token: str) -> Client:
    client.hello(token)
    for destination in (REPLY, PROGRESS, RESULT):
        client.subscribe(destination, destination)
    return client


def told(client: Client, count: int) -> list[tuple[str, Any]]:
    """What the client is told until `count` results have come."""
    found: list[tuple[str, Any]] = []
    while sum(destination == RESULT for destination, _ in found) < count:
        headers, body = client.message()
        found.append((headers["destination"], body))
    return found


@pytest.mark.parametrize("carrier", [Raw, Framed], ids=["raw websocket", "websocket"])
@pytest.mark.usefixtures("worker")
def test_each_of_two_users_in_a_storm_hears_the_story_of_their_own_tasks_only(
    start: Start, user_factory: UserFactory, carrier: Callable[[Server], Client]
) -> None:
    server = start()
    people = [user_factory(paid=1000, bonus=0) for _ in range(2)]
    clients = [listening(carrier(server), token_of(person)) for person in people]
    for turn in range(8):
        for place, client in enumerate(clients):
            order(client, {**SMALL, "clientId": f"{place}-{turn}"})
    for place, (client, person) in enumerate(zip(clients, people, strict=True)):
        story = told(client, 8)
        assert client.quiet()
        replies = [body for destination, body in story if destination == REPLY]
        assert [body["clientId"] for body in replies] == [f"{place}-{turn}" for turn in range(8)]
        numbers = {body["taskId"]: int(body["taskId"].rpartition("_")[2]) for body in replies}
        assert set(Task.objects.filter(user=person).values_list("pk", flat=True)) == set(numbers.values())
        for name in numbers:
            mine = [(destination, body) for destination, body in story if body["taskId"] == name]
            assert [destination for destination, _ in (mine[0], mine[-1])] == [REPLY, RESULT]
            assert {destination for destination, _ in mine[1:-1]} == {PROGRESS}
            percents = [body["progress"] for _, body in mine[1:-1]]
            assert (percents, percents[-1]) == (sorted(percents), 100)
            assert (mine[-1][1]["status"], len(mine[-1][1]["results"])) == ("COMPLETED", 1)
        assert {body["taskId"] for _, body in story} == set(numbers)


def test_refused_orders_are_told_to_the_one_who_asked_and_the_connection_stays(start: Start, user_factory: UserFactory) -> None:
    server = start(REALTIME_USER_SENDS_A_MINUTE="6")
    user = user_factory(bonus=0)
    client, other = listening(Raw(server), token_of(user)), listening(Raw(server), token_of(user))
    answers = []
    for body in (
        SMALL,
        {**SMALL, "prompt": "lolicon"},
        {**SMALL, "width": 7},
        {**SMALL, "type": "X"},
        {"type": "UPSCALE", "imageBase64": "x"},
    ):
        order(client, body, receipt="r")
        answers.append(client.message()[1]["code"])
        assert client.next()[0] == "RECEIPT"
    assert answers == ["E002", "E006", "400", "400", "E004"]
    order(client, SMALL)
    order(client, SMALL)
    assert [client.message()[1]["code"] for _ in range(2)] == ["E002", "429"]
    order(other, SMALL)
    assert other.message()[1]["code"] == "429"  # the limit is the user's
    assert client.quiet()
    assert not Task.objects.exists()
    client.say("SEND", {"destination": "/app/generate"}, "x" * 65_537)
    assert client.next()[1]["message"] == "The body is too large"
    assert client.next()[0] == ""


def test_the_same_order_over_two_connections_under_one_key_is_one_task(start: Start, user_factory: UserFactory) -> None:
    server = start()
    user = user_factory(paid=100, bonus=0)
    clients = [Raw(server), Raw(server)]
    for client in clients:
        client.hello(token_of(user))
        client.subscribe(REPLY, "1")
    for _ in range(4):
        for client in clients:
            order(client, SMALL, **{"idempotency-key": "once"})
    answers = [client.message() for client in clients for _ in range(4)]
    names = {body["taskId"] for _, body in answers if body["type"] == "reply"}
    assert len(names) == 1
    assert {body["code"] for _, body in answers if body["type"] == "error"} <= {"409"}  # the first was still running
    assert sum(body["type"] == "reply" and "idempotent-replayed" not in headers for headers, body in answers) == 1
    assert Task.objects.count() == 1


def test_who_is_signed_out_banned_or_has_a_new_password_is_cut_off_and_orders_nothing(start: Start, user_factory: UserFactory) -> None:
    server = start()
    people = [user_factory(paid=100, bonus=0) for _ in range(4)]
    key = api_key_create(user_id=people[3].pk, name="k")
    tokens = [*(token_of(person) for person in people[:3]), key.key]
    clients, hasty = [Raw(server) for _ in tokens], [Raw(server) for _ in tokens]
    for client, token in [*zip(clients, tokens, strict=True), *zip(hasty, tokens, strict=True)]:
        client.hello(token)
    cuts: list[Callable[[], object]] = [
        lambda: session_revoke_all(user_id=people[0].pk),
        lambda: user_ban(user_id=people[1].pk, banned=True),
        lambda: password_set(user_id=people[2].pk, password="another long secret 9"),
        lambda: api_key_revoke(user_id=people[3].pk, api_key_id=key.id),
    ]
    for cut, client in zip(cuts, hasty, strict=True):
        cut()
        order(client, SMALL)
    for client in hasty + clients:
        command, headers, _ = client.next()
        assert (command, headers["message"]) == ("ERROR", "The session has ended")
        assert client.next()[0] == ""
    assert not Task.objects.exists()


def test_connections_of_a_user_subscriptions_and_waits_are_limited_by_settings(start: Start, user_factory: UserFactory) -> None:
    server = start(
        REALTIME_USER_CONNECTIONS="3", REALTIME_SUBSCRIPTIONS="2", REALTIME_CONNECT_WITHIN_S="8", REALTIME_STOMP_BEAT_MS="1000",
        REALTIME_SILENCE_S="1", REALTIME_FRAMES_PER_10_S="20",
    )  # fmt: skip
    user, another = user_factory(), user_factory()
    idle, clients = Raw(server), [Raw(server) for _ in range(3)]
    for client in clients:
        client.hello(token_of(user))
    late = Raw(server)
    late.say("CONNECT", {"accept-version": "1.2", "Authorization": f"Bearer {token_of(user)}"})
    assert late.next()[1]["message"] == "Too many connections"
    Raw(server).hello(token_of(another))
    clients[0].close()
    until(lambda: _is_welcome(server, token_of(user)))
    for number in range(3):
        clients[1].say("SUBSCRIBE", {"destination": RESULT, "id": str(number)})
    assert clients[1].next()[1]["message"] == "Too many subscriptions"
    for _ in range(21):
        clients[2].say("ACK", {"id": "1"})
    assert clients[2].next()[1]["message"] == "Too many frames"
    assert idle.next()[1]["message"] == "CONNECT was awaited"
    assert idle.next()[0] == ""
    silent = Raw(server)
    begun = time.monotonic()
    silent.hello(token_of(another), **{"heart-beat": "1000,0"})
    assert silent.next()[1]["message"] == "No heart-beat"
    assert time.monotonic() - begun > 2.5


def _is_welcome(server: Server, token: str) -> bool:
    client = Raw(server)
    client.say("CONNECT", {"accept-version": "1.2", "Authorization": f"Bearer {token}"})
    is_welcome = client.next()[0] == "CONNECTED"
    client.close()
    return is_welcome


def test_random_bytes_and_half_open_sockets_cost_others_nothing(start: Start, user_factory: UserFactory) -> None:
    server = start()
    user = user_factory()
    token = token_of(user)
    watcher = Raw(server)
    watcher.hello(token)
    watcher.subscribe(RESULT, "1")
    chance = random.Random(7)
    for turn in range(120):
        client = Raw(server)
        if turn % 2:
            client.hello(token)
        with contextlib.suppress(ConnectionClosed, TimeoutError, queue.Empty):
            _babble(client, chance)
        _vanish(client.socket.socket)
    for _ in range(20):  # raw bytes instead of a handshake, or after one
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            plain.sendall(chance.choice((b"", b"GET /ws/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n")) + chance.randbytes(300))
    assert watcher.quiet()
    number = completed(task_made(user))
    assert watcher.message()[0]["event-id"] == str(number)


def _babble(client: Raw, chance: random.Random) -> None:
    """Something between nearly right and nonsense."""
    pieces = ["SEND\n", "SUBSCRIBE\nid:1\n", f"destination:{RESULT}\n", "destination:/app/generate\n", "content-length:9\n", "\n", "\0", "{}", "\\",
              ":", "a:b\n", "DISCONNECT\n", "\n\n\0", "猫", "[" * 999]  # fmt: skip
    for _ in range(chance.randrange(1, 12)):
        text = "".join(chance.choices(pieces, k=chance.randrange(1, 9)))
        client.socket.send(chance.randbytes(20) if chance.random() < 0.05 else text)


def _vanish(plain: socket.socket) -> None:
    """The client's machine is gone: no close frame, the connection is reset or simply dropped."""
    with contextlib.suppress(OSError):  # the server may have been first
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plain.shutdown(socket.SHUT_RDWR)
    plain.close()


class SlowRedis:
    """A way to Redis on which what is said waits while `held` is set."""

    def __init__(self) -> None:
        self.held = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        given = redis.ConnectionPool.from_url(django_settings.REDIS_URL).connection_kwargs
        secret = f":{given['password']}@" if given.get("password") else ""
        return f"redis://{secret}127.0.0.1:{self._server.getsockname()[1]}/{given.get('db', 0)}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = self._real()
                for source, target, may_wait in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._carry, args=(source, target, may_wait), daemon=True).start()

    def _real(self) -> socket.socket:
        given = redis.ConnectionPool.from_url(django_settings.REDIS_URL).connection_kwargs
        if "path" in given:
            found = socket.socket(socket.AF_UNIX)
            found.connect(unquote(given["path"]))
            return found
        return socket.create_connection((given.get("host", "127.0.0.1"), given.get("port", 6379)))

    def _carry(self, source: socket.socket, target: socket.socket, may_wait: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                while may_wait and b"SUBSCRIBE" in data and self.held.is_set():
                    time.sleep(0.01)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()


@pytest.mark.parametrize("slow_s", [0.8, 4.0], ids=["a moment", "longer than anybody waits"])
def test_an_event_before_redis_has_heard_of_the_subscription_is_not_lost(start: Start, user_factory: UserFactory, slow_s: float) -> None:
    """Between the SUBSCRIBE that was sent and the one that was obeyed, what is published reaches nobody: the log has to tell it."""
    way = SlowRedis()
    server = start(REDIS_URL=way.url)
    user, early = user_factory(), user_factory()
    first = Raw(server)
    first.hello(token_of(early))
    first.subscribe(RESULT, "1")
    completed(task_made(early))
    assert first.next()[0] == "MESSAGE"  # the server listens to Redis
    way.held.set()
    threading.Timer(slow_s, way.held.clear).start()
    client = Raw(server)
    client.hello(token_of(user))
    client.subscribe(RESULT, "1")
    number = completed(task_made(user))
    headers, _ = client.message()
    assert headers["event-id"] == str(number)
    assert client.quiet()
    first.close()
    way.close()


def test_a_users_devices_all_hear_and_each_is_answered_alone(start: Start, user_factory: UserFactory) -> None:
    server = start()
    user = user_factory(paid=100, bonus=0)
    clients = [listening(Raw(server), token_of(user)) for _ in range(3)]
    order(clients[1], SMALL)
    story = [clients[1].message() for _ in range(2)]
    assert [headers["destination"] for headers, _ in story] == [REPLY, PROGRESS]
    for client in (clients[0], clients[2]):
        headers, body = client.message()
        assert (headers["destination"], body["taskId"], body["progress"]) == (PROGRESS, story[0][1]["taskId"], 0)
        assert client.quiet(0.1)
