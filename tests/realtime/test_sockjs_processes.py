"""Realtime processes beside each other, as they come and go; and what exists in which mode."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from accounts.realtime.outbox import Outbox
from accounts.realtime.sockjs.connections import RESTART, Connections
from accounts.realtime.stomp.messages import RESULT
from accounts.services.event import event_append
from config.launcher.places import ROOT
from operations.services.installation import installation_mark
from tests.conftest import UserFactory
from tests.harness import CopiedDatabase, free_port
from tests.realtime.sockets import Client, Framed, Http, Raw, task_made, until
from tests.realtime.test_events import Server, Stream, token_of

pytestmark = [pytest.mark.slow]


@contextmanager
def running(environment: dict[str, str], count: int = 1, *flags: str) -> Iterator[list[Server]]:
    found: list[Server] = []
    try:
        for _ in range(count):
            found.append(Server(environment, *flags))
        yield found
    finally:
        for server in found:
            server.process.kill()
            server.process.wait(20)


def completed(user: Any) -> str:
    """A task of `user`'s has ended; the number of that event."""
    task = task_made(user)
    return str(event_append(user_id=user.id, kind="task.completed", payload={"task_id": str(task.uuid), "kind": task.kind}))


def results(client: Client, count: int) -> list[tuple[str, Any]]:
    """The next `count` results: event id and body."""
    return [(headers["event-id"], body) for headers, body in (client.message() for _ in range(count))]


def listening(server: Server, carrier: Any, token: str, **headers: str) -> Client:
    client: Client = carrier(server)
    client.hello(token)
    client.subscribe(RESULT, "r", **headers)
    return client


CARRIERS: list[Any] = [
    Framed,
    Raw,
    lambda server: Http(server, "xhr_streaming"),
    lambda server: Http(server, "eventsource"),
    lambda server: Http(server, "xhr"),
]


def test_a_user_hears_the_same_from_every_process(committed_db: CopiedDatabase, user_factory: UserFactory) -> None:
    installation_mark()
    user = user_factory()
    token = token_of(user)
    with running(committed_db.environment, 2) as (one, other):
        clients = [listening(server, carrier, token) for server in (one, other) for carrier in CARRIERS]
        numbers = [completed(user) for _ in range(3)]
        told = [results(client, 3) for client in clients]
        assert [number for number, _ in told[0]] == numbers
        assert all(one_told == told[0] for one_told in told)
        one.process.kill()  # nothing else dies with it
        one.process.wait(20)
        number = completed(user)
        assert [results(client, 1)[0][0] for client in clients[len(CARRIERS) :]] == [number] * len(CARRIERS)


def test_a_process_that_is_asked_to_end_says_goodbye(committed_db: CopiedDatabase, user_factory: UserFactory) -> None:
    installation_mark()
    user = user_factory()
    token = token_of(user)
    with running(committed_db.environment, 2) as (one, other):
        clients = [listening(one, carrier, token) for carrier in CARRIERS]
        one.process.terminate()
        until(lambda: all(client.closing for client in clients))
        assert [client.closing for client in clients] == [RESTART] * len(CARRIERS)
        assert one.process.wait(30) is not None
        assert [client.next()[0] for client in clients] == [""] * len(clients)  # no ERROR frame: nobody did anything wrong
        number = completed(user)  # while nobody listens
        again = [listening(other, carrier, token, **{"last-event-id": "0"}) for carrier in CARRIERS]
        assert [results(client, 1)[0][0] for client in again] == [number] * len(again)


def test_a_process_that_only_streams_ends_at_once(committed_db: CopiedDatabase, user_factory: UserFactory) -> None:
    installation_mark()
    with running(committed_db.environment, 1, "--timeout-graceful-shutdown", "60") as (server,):
        stream = Stream(server, token_of(user_factory()))
        server.process.terminate()
        assert stream.ended.wait(30)
        server.process.wait(30)  # the server did not have to cut anything


def test_the_launchers_process_compresses_nothing_and_understands_old_clients(committed_db: CopiedDatabase, tmp_path: Path) -> None:
    installation_mark()
    port = free_port()
    environment = {**os.environ, **committed_db.environment, "DATA_DIR": str(tmp_path), "PORT": str(port), "HOST": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "-m", "config.launcher", "realtime"], cwd=ROOT, env=environment)
    try:
        until(lambda: connects(port), 60)
        with connect(f"ws://127.0.0.1:{port}/ws/0/s/websocket") as found:
            assert found.recv(timeout=30) == "o"
            assert found.response is not None
            assert "sec-websocket-extensions" not in found.response.headers
        with socket.create_connection(("127.0.0.1", port), timeout=30) as old:
            old.sendall(b"POST /ws/0/old/xhr HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
            answer = old.makefile("rb").read()
        assert b"transfer-encoding" not in answer.lower()
        assert answer.endswith(b"\r\n\r\no\n")
    finally:
        process.terminate()
        assert process.wait(30) is not None


def connects(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ws").status_code == 200
    except httpx.TransportError:
        return False


def test_a_process_without_clients_ends_at_once(committed_db: CopiedDatabase) -> None:
    installation_mark()
    with running({**committed_db.environment, "REALTIME_LEAVING_S": "60"}, 1, "--timeout-graceful-shutdown", "60") as (server,):
        server.process.terminate()
        server.process.wait(30)


def test_a_crowd_is_sent_home_bit_by_bit(settings: Any) -> None:
    async def sent_home() -> tuple[list[int], bool]:
        everybody, boxes = Connections(), [Outbox() for _ in range(1000)]
        for box in boxes:
            everybody.enter(box, "")
        leaving = asyncio.create_task(everybody.end_all(0.5))
        counts = []
        while not leaving.done():
            counts.append(sum(box.closing == RESTART for box in boxes))
            await asyncio.sleep(0)  # every turn of the loop is looked at, however long it took
        return [*counts, sum(box.closing == RESTART for box in boxes)], everybody.has_room("")

    counts, has_room = asyncio.run(sent_home())
    assert counts == sorted(counts)
    assert counts[-1] == 1000
    assert len({count for count in counts if 0 < count < 1000}) >= 5
    assert not has_room


def test_the_suites_services_exist_in_debug_mode_only(committed_db: CopiedDatabase) -> None:
    installation_mark()
    paths = ["/echo", "/disabled_websocket_echo", "/cookie_needed_echo", "/close"]
    with running({**committed_db.environment, "DEBUG": "1"}) as (server,):
        assert [httpx.get(server.url + path).text for path in paths] == ["Welcome to SockJS!\n"] * 4
        assert httpx.get(f"{server.url}/echo/iframe.html").status_code == 200
    with running(committed_db.environment) as (server,):
        for path in paths:
            assert httpx.get(server.url + path).status_code == 404
            assert httpx.post(f"{server.url}{path}/0/s/xhr").status_code == 404
            with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{server.port}{path}/websocket"):
                pass
        assert httpx.get(f"{server.url}/ws/iframe.html").status_code == 404  # no script was chosen for our own pages


def test_the_iframe_page_loads_what_the_operator_chose(committed_db: CopiedDatabase) -> None:
    installation_mark()
    chosen = {"SOCKJS_CLIENT_URL": "/static/own/sockjs.js", "SOCKJS_COOKIE": "1"}
    with running({**committed_db.environment, **chosen}) as (server,):
        assert '<script src="/static/own/sockjs.js"></script>' in httpx.get(f"{server.url}/ws/iframe-1.6.1.html").text
        assert httpx.get(f"{server.url}/ws/info").json()["cookie_needed"] is True
        assert httpx.post(f"{server.url}/ws/0/s/xhr").headers["set-cookie"] == "JSESSIONID=dummy; Path=/"


def test_in_production_listed_pages_only(committed_db: CopiedDatabase, settings: Any) -> None:
    settings.DEMO = False
    installation_mark()
    production = {"DEMO": "0", "CORS_ALLOWED_ORIGINS": "https://page.example", "ALLOWED_HOSTS": "127.0.0.1"}
    with running({**committed_db.environment, **production}) as (server,):
        own = f"http://127.0.0.1:{server.port}"
        for origin, is_welcome in [("https://page.example", True), (own, True), ("https://evil.example", False), ("null", False)]:
            answer = httpx.post(f"{server.url}/ws/0/{abs(hash(origin))}/xhr", headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == (origin if is_welcome else None)
            preflight = httpx.options(f"{server.url}/ws/0/s/xhr_send", headers={"Origin": origin})
            assert preflight.headers.get("access-control-allow-origin") == (origin if is_welcome else None)
            for path in ("/ws", "/ws/websocket", "/ws/0/s/websocket"):
                assert opens(server, path, origin) is is_welcome
        assert opens(server, "/ws/0/s/websocket", None)
        assert json.loads(httpx.get(f"{server.url}/ws/info").text)["origins"] == ["*:*"]


def opens(server: Server, path: str, origin: Any) -> bool:
    try:
        with connect(f"ws://127.0.0.1:{server.port}{path}", origin=origin):
            return True
    except InvalidStatus:
        return False
