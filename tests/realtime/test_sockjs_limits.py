"""What a SockJS endpoint bears: slow readers, large and slow bodies, crowds. Nothing waits for ever, nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from accounts.realtime import cutting
from accounts.realtime.outbox import Outbox
from accounts.realtime.sockjs import http as sockjs_http
from accounts.realtime.sockjs.endpoint import Endpoint, connections
from accounts.realtime.sockjs.session import SENDERS_MAX, TEXTS_MAX
from accounts.web.client import nearest_client
from tests.realtime.echo import EchoServer, Wire

STOPPED: list[str] = []
GATE = threading.Event()


class Flood:
    """Tells more than anybody asked for, as fast as it is taken."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        self._outbox = outbox
        self._task = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        while self._outbox.closing is None:
            await self._outbox.drained.wait()
            self._outbox.put("x" * 10_000)
            await asyncio.sleep(0)

    async def hear(self, text: str) -> None:
        """Nothing."""

    async def stop(self) -> None:
        STOPPED.append("flood")
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Thoughtful:
    """Answers each text a while after it heard it."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        self._outbox = outbox

    async def hear(self, text: str) -> None:
        await asyncio.sleep(0.1 if text == "slow" else 0)
        while text == "gate" and not GATE.is_set():
            await asyncio.sleep(0.02)
        self._outbox.put(text)

    async def stop(self) -> None:
        STOPPED.append("thoughtful")


@pytest.fixture
def server(settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoServer]:
    for name, value in {"REALTIME_STALLED_S": 1.0, "REALTIME_SESSION_LIFE_S": 1.0, "CORS_ALLOW_ALL_ORIGINS": True}.items():
        setattr(settings, name, value)
    STOPPED.clear()
    GATE.clear()
    before = len(connections)
    running = EchoServer(Endpoint("/flood", Flood, response_limit_bytes=10**9), Endpoint("/think", Thoughtful))
    yield running
    until(lambda: len(connections) == before)
    running.close()


@pytest.fixture
def lasting(server: EchoServer, settings: object) -> Iterator[EchoServer]:
    """A server on which sessions live as long as the test takes, however busy the machine is."""
    settings.REALTIME_SESSION_LIFE_S = 600.0
    yield server
    server.end_sessions()


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def deaf(server: EchoServer, text: str) -> socket.socket:
    """A client that asks and then reads nothing."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.connect(("127.0.0.1", server.port))
    found.sendall(text.encode())
    return found


UPGRADE = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
DEAF = {
    "xhr_streaming": "POST /flood/0/{name}/xhr_streaming HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "eventsource": "GET /flood/0/{name}/eventsource HTTP/1.1\r\nHost: h\r\n\r\n",
    "htmlfile": "GET /flood/0/{name}/htmlfile?c=x HTTP/1.1\r\nHost: h\r\n\r\n",
    "websocket": "GET /flood/0/{name}/websocket HTTP/1.1\r\n" + UPGRADE,
    "raw websocket": "GET /flood/websocket HTTP/1.1\r\n" + UPGRADE,
}


@pytest.mark.parametrize("transport", DEAF)
def test_who_reads_nothing_is_cut_and_forgotten(server: EchoServer, transport: str) -> None:
    client = deaf(server, DEAF[transport].format(name=f"deaf-{transport}"))
    until(lambda: STOPPED == ["flood"] and server.open_connections == 0)  # although the client never closed anything
    client.close()


def masked(opcode: int, body: bytes = b"") -> bytes:
    """A client's short WebSocket frame; without the bit 0x80 more pieces follow."""
    return bytes([opcode, 0x80 | len(body), 0, 0, 0, 0]) + body


PING, BEGINNING, PIECE, CLOSE = masked(0x89, b"x" * 125), masked(0x01), masked(0x00), masked(0x88, b"\x03\xe8")


@pytest.mark.parametrize("octets", [PING * 500, PIECE * 500], ids=["pings whose answers it does not read", "pieces of no message"])
def test_who_makes_the_server_hold_ever_more_is_cut(server: EchoServer, monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    monkeypatch.setattr(cutting, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(cutting, "HELD_MAX_BYTES", 1_000_000)
    monkeypatch.setattr(cutting, "PIECES_MAX", 5000)
    client = deaf(server, "GET /think/websocket HTTP/1.1\r\n" + UPGRADE)
    until(lambda: server.open_connections == 1)
    client.sendall(BEGINNING)
    deadline = time.monotonic() + 60
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < deadline:
            client.sendall(octets)
    assert time.monotonic() < deadline
    until(lambda: STOPPED == ["thoughtful"] and server.open_connections == 0)
    client.close()


def test_what_a_client_leaves_unread_when_it_goes_is_not_kept_for_it(server: EchoServer) -> None:
    client = deaf(server, "GET /think/websocket HTTP/1.1\r\n" + UPGRADE)
    until(lambda: server.open_connections == 1)
    client.sendall(PING * 20_000 + CLOSE)
    until(lambda: STOPPED == ["thoughtful"] and server.open_connections == 0)  # although it keeps its end open and takes nothing
    client.close()


def test_who_reads_slowly_but_steadily_is_served(server: EchoServer, settings: object) -> None:
    settings.REALTIME_STALLED_S = 15.0  # the kernel wants a third of its buffer free before it takes more
    wire = Wire(server, "POST", "/flood/0/steady/xhr_streaming")
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        assert len(wire.chunk()) < 80_000  # more would have to be taken in one go
        time.sleep(0.01)
    assert STOPPED == []
    wire.close()


def test_after_a_stall_the_session_is_interrupted(lasting: EchoServer) -> None:
    client = deaf(lasting, DEAF["xhr_streaming"].format(name="again"))
    until(lambda: lasting.endpoint("/flood")._sessions.get("again") is not None)
    until(lambda: lasting.open_connections == 0)
    assert httpx.post(f"{lasting.url}/flood/0/again/xhr").text == 'c[1002,"Connection interrupted"]\n'
    client.close()


@pytest.mark.parametrize("door", ["xhr_send", "jsonp_send"])
@pytest.mark.parametrize("is_announced", [True, False])
def test_a_body_has_a_limit(lasting: EchoServer, settings: object, door: str, is_announced: bool) -> None:
    settings.REALTIME_BODY_BYTES = 1000
    session = lasting.session()
    assert httpx.post(f"{session}/xhr").text == "o\n"
    fits, exceeds = json.dumps(["x" * 996]).encode(), json.dumps(["x" * 997]).encode()
    assert httpx.post(f"{session}/{door}", content=fits if is_announced else iter([fits])).is_success
    answer = httpx.post(f"{session}/{door}", content=exceeds if is_announced else iter([exceeds]))
    assert (answer.status_code, answer.text) == (413, "Payload too large.")
    assert httpx.post(f"{session}/xhr").text == f'a["{"x" * 996}"]\n'


def test_a_receiver_carries_no_large_body(server: EchoServer, settings: object) -> None:
    settings.REALTIME_BODY_BYTES = 1000
    session = server.session()
    assert httpx.post(f"{session}/xhr", content=b"x" * 1001).status_code == 413
    assert httpx.post(f"{session}/xhr_send", content="[]").status_code == 404  # and no session came of it


def test_a_body_that_does_not_come_is_not_awaited_for_ever(lasting: EchoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server = lasting
    session = server.session()
    assert httpx.post(f"{session}/xhr").text == "o\n"
    monkeypatch.setattr(sockjs_http, "BODY_WITHIN_S", 0.3)
    path = session.removeprefix(server.url)
    wire = Wire(server, "POST", f"{path}/xhr_send", {"Content-Length": "10"})
    assert wire.status == 408
    wire.close()


def test_a_message_over_a_websocket_has_a_limit(server: EchoServer, settings: object) -> None:
    settings.REALTIME_MESSAGE_BYTES = 100
    with connect(f"ws://127.0.0.1:{server.port}/echo/0/s/websocket") as found:
        assert found.recv(timeout=30) == "o"
        found.send(json.dumps(["x" * 96]))
        assert found.recv(timeout=30) == f'a["{"x" * 96}"]'
        found.send(json.dumps(["x" * 97]))
        assert found.recv(timeout=30) == 'c[1009,"Message too large"]'


def test_a_message_carries_so_many_texts(server: EchoServer) -> None:
    fits, exceeds = json.dumps([""] * TEXTS_MAX), json.dumps([""] * (TEXTS_MAX + 1))
    session = server.session("/think")
    assert httpx.post(f"{session}/xhr").text == "o\n"
    assert httpx.post(f"{session}/xhr_send", content=exceeds).status_code == 500
    assert httpx.post(f"{session}/xhr_send", content=fits).status_code == 204
    with connect(f"ws://127.0.0.1:{server.port}/think/0/s/websocket") as found:
        assert found.recv(timeout=30) == "o"
        found.send(exceeds)
        assert found.recv(timeout=30) == 'c[1002,"Broken JSON encoding"]'


def test_an_id_has_so_many_letters(server: EchoServer) -> None:
    assert httpx.post(f"{server.url}/echo/000/{'x' * 250}/xhr").text == "o\n"
    assert httpx.post(f"{server.url}/echo/000/{'x' * 251}/xhr").status_code == 404


def test_an_address_has_so_many_connections(lasting: EchoServer, settings: object) -> None:
    server = lasting
    settings.REALTIME_ADDRESS_CONNECTIONS = 2
    session, own, other = server.session(), {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "203.0.113.7"}
    address = f"ws://127.0.0.1:{server.port}/echo/websocket"
    with connect(address, additional_headers=own):
        assert httpx.post(f"{session}/xhr", headers=own).text == "o\n"
        answer = httpx.post(f"{server.session()}/xhr", headers=own)
        assert (answer.status_code, answer.text) == (503, "Too many sessions.")
        with pytest.raises(InvalidStatus), connect(address, additional_headers=own):
            pass
        assert httpx.post(f"{session}/xhr_send", content="[]", headers=own).status_code == 204  # those inside are served on
        assert httpx.post(f"{server.session()}/xhr", headers=other).text == "o\n"
    until(lambda: httpx.post(f"{server.session()}/xhr", headers=own).status_code == 200)


def test_a_process_has_so_many_connections(lasting: EchoServer, settings: object) -> None:
    server = lasting
    settings.REALTIME_CONNECTIONS = len(connections) + 1
    assert httpx.post(f"{server.session()}/xhr").text == "o\n"
    assert httpx.post(f"{server.session()}/xhr", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 503


def test_requests_of_one_session_are_heard_in_order(lasting: EchoServer) -> None:
    session = lasting.session("/think")
    assert httpx.post(f"{session}/xhr").text == "o\n"
    known = lasting.endpoint("/think")._sessions.get(session.rpartition("/")[2])
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(httpx.post, f"{session}/xhr_send", content='["gate", "slow", "slow"]')
        until(lambda: known._senders == 1)
        second = pool.submit(httpx.post, f"{session}/xhr_send", content='["quick"]')
        until(lambda: known._senders == 2)
        GATE.set()
        assert [first.result().status_code, second.result().status_code] == [204, 204]
    assert httpx.post(f"{session}/xhr").text == 'a["gate","slow","slow","quick"]\n'


def test_so_many_requests_wait_to_be_heard(lasting: EchoServer) -> None:
    server, session = lasting, lasting.session("/think")
    assert httpx.post(f"{session}/xhr").text == "o\n"
    path = session.removeprefix(server.url)
    asked = f'POST {path}/xhr_send HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n["gate"]'
    waiting = [deaf(server, asked) for _ in range(SENDERS_MAX)]
    known = server.endpoint("/think")._sessions.get(path.rpartition("/")[2])
    until(lambda: known._senders == SENDERS_MAX)
    assert httpx.post(f"{session}/xhr_send", content="[]").status_code == 429
    GATE.set()
    assert [client.recv(100).split()[1] for client in waiting] == [b"204"] * SENDERS_MAX
    assert httpx.post(f"{session}/xhr_send", content="[]").status_code == 204
    for client in waiting:
        client.close()


def test_a_client_that_vanishes_before_its_answer_leaves_no_session(server: EchoServer) -> None:
    def knock() -> None:
        client = deaf(server, f"POST {server.session().removeprefix(server.url)}/xhr HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset, without a word
        client.close()

    threads = [threading.Thread(target=knock) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: server.open_connections == 0)


@pytest.mark.parametrize(
    "text",
    [
        "GET /echo/0/%00/xhr HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /echo/0/%FF%FE/xhr HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nOrigin: \xff\r\nCookie: \xff=\xff\r\n\r\n",
        "POST /echo/0/" + "x" * 20_000 + "/xhr HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
        "OPTIONS /echo/info HTTP/1.1\r\nHost: h\r\nOrigin: a\r\nAccess-Control-Request-Headers: \xff\xfe\r\n\r\n",
        "POST /echo/0/s/xhr_send HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n\xff",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_hostile_octets_hurt_nobody(server: EchoServer, text: str) -> None:
    client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    client.sendall(text.encode("latin-1"))
    client.shutdown(socket.SHUT_WR)
    head = client.recv(100).decode("latin-1").split("\r\n")[0]
    assert " 500 " not in head
    client.close()
    assert httpx.get(f"{server.url}/echo").text == "Welcome to SockJS!\n"


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("198.51.100.1", "203.0.113.7", "198.51.100.1"),  # not a proxy of ours: what it says counts for nothing
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "192.0.2.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "203.0.113.7", None),
    ],
)
def test_limits_count_clients_behind_our_proxies_one_by_one(settings: object, remote: str, forwarded: str, expected: str | None) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert nearest_client(remote, forwarded) == expected
