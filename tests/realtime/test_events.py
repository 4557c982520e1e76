"""The event stream over real HTTP: uvicorn, PostgreSQL, Redis."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from accounts.services.event import event_append
from accounts.services.session import session_open, session_revoke_all
from accounts.services.user import user_ban
from config.launcher.places import ROOT
from config.launcher.valkey import Valkey
from operations.services.installation import installation_mark
from tests.conftest import UserFactory
from tests.harness import CopiedDatabase, free_port

pytestmark = [pytest.mark.slow]


class Server:
    """A realtime process beside the test's database."""

    def __init__(self, environment: dict[str, str], *flags: str) -> None:
        self.port = free_port()
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "config.asgi:application",
            "--port",
            str(self.port),
            "--log-level",
            "warning",
            "--timeout-graceful-shutdown",
            "1",
            *flags,
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{self.url}/healthz")
                return
            except httpx.TransportError:
                assert self.process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Stream:
    """A client that reads until told to stop; frames as (id, event, data)."""

    def __init__(self, server: Server, token: str, **headers: str) -> None:
        self.frames: list[tuple[str | None, str, Any]] = []
        self.begins_after = ""
        self.ended = threading.Event()
        self._headers = {"Authorization": f"Bearer {token}", **headers}
        self._server = server
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._read_until_cut, daemon=True)
        self._thread.start()
        assert self._opened.wait(30)

    def _read_until_cut(self) -> None:
        with contextlib.suppress(httpx.TransportError):
            self._read()
        self.ended.set()

    def _read(self) -> None:
        with httpx.stream("GET", f"{self._server.url}/api/v1/events", headers=self._headers, timeout=60) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            frame: dict[str, str] = {}
            for line in answer.iter_lines():
                if not line and "event" in frame:
                    self.frames.append((frame.get("id"), frame["event"], json.loads(frame["data"])))
                elif not line and "retry" in frame:
                    self.begins_after = frame["id"]
                    self._opened.set()
                if not line:
                    frame = {}
                elif ": " in line:
                    name, _, value = line.partition(": ")
                    frame[name] = value

    def wait_for(self, count: int, seconds: float = 30) -> list[tuple[str | None, str, Any]]:
        deadline = time.monotonic() + seconds
        while len(self.frames) < count:
            assert time.monotonic() < deadline, self.frames
            time.sleep(0.02)
        return self.frames


@pytest.fixture
def server(committed_db: CopiedDatabase) -> Iterator[Server]:
    installation_mark()
    running = Server(committed_db.environment)
    yield running
    running.process.terminate()
    running.process.wait(20)


def token_of(user: Any, life_s: int = 3600) -> str:
    return session_open(user=user, form="body", access_life_s=life_s, refresh_life_s=86_400).access_token


def test_live_resumed_and_private(server: Server, user_factory: UserFactory) -> None:
    user, stranger = user_factory(), user_factory()
    first = event_append(user_id=user.pk, kind="task.created", payload={"task_id": "a"})
    live, foreign = Stream(server, token_of(user)), Stream(server, token_of(stranger))
    second = event_append(user_id=user.pk, kind="task.completed", payload={"task_id": "a", "文": "字"})
    assert live.wait_for(1) == [(str(second), "task.completed", {"task_id": "a", "文": "字"})]

    resumed = Stream(server, token_of(user), **{"Last-Event-ID": str(first - 1)})
    assert [number for number, _, _ in resumed.wait_for(2)] == [str(first), str(second)]
    third = event_append(user_id=user.pk, kind="task.failed", payload={})
    assert live.wait_for(2)[-1][0] == resumed.wait_for(3)[-1][0] == str(third)
    time.sleep(0.3)
    assert foreign.frames == []


def test_who_is_cut_off_before_the_first_event_knows_where_to_go_on(server: Server, user_factory: UserFactory) -> None:
    user = user_factory()
    seen = event_append(user_id=user.pk, kind="task.created", payload={})
    begun = Stream(server, token_of(user))
    assert begun.begins_after == str(seen)
    missed = event_append(user_id=user.pk, kind="task.completed", payload={})
    back = Stream(server, token_of(user), **{"Last-Event-ID": begun.begins_after})
    assert back.wait_for(1) == [(str(missed), "task.completed", {})]
    assert Stream(server, token_of(user), **{"Last-Event-ID": "9" * 18}).begins_after == str(missed)


def test_ends_with_its_session_its_user_or_its_token(server: Server, user_factory: UserFactory) -> None:
    leaving, banned, staying = user_factory(), user_factory(), user_factory()
    streams = [Stream(server, token_of(user)) for user in (leaving, banned, staying)]
    short = Stream(server, token_of(staying, life_s=6))
    session_revoke_all(user_id=leaving.pk)
    user_ban(user_id=banned.pk, banned=True)
    assert streams[0].ended.wait(30)
    assert streams[1].ended.wait(30)
    assert short.ended.wait(30)
    assert not streams[2].ended.is_set()


REFUSED: list[tuple[dict[str, str], int]] = [
    ({}, 401),
    ({"Authorization": "Bearer nonsense"}, 401),
    ({"Authorization": "Basic eDp5"}, 401),
    ({"Cookie": "sessionid=forged"}, 401),
    ({"Cookie": "sessionid=forged", "Origin": "http://evil.example"}, 401),
    ({"Last-Event-ID": "x"}, 400),
    ({"Last-Event-ID": "9" * 40}, 400),
]


def test_refuses_in_the_shape_of_api_v1(server: Server) -> None:
    for headers, status in REFUSED:
        answer = httpx.get(f"{server.url}/api/v1/events", headers=headers)
        assert answer.status_code == status, headers
        body = answer.json()
        assert set(body) == {"code", "message", "data", "timestamp", "requestId"}
        assert body["code"] == status
        assert body["requestId"] == answer.headers["x-request-id"]
    answer = httpx.post(f"{server.url}/api/v1/events")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_a_silent_redis_delays_events_and_loses_none(committed_db: CopiedDatabase, user_factory: UserFactory, tmp_path: Path) -> None:
    installation_mark()
    valkey = Valkey(tmp_path / "valkey", tmp_path / "v" / "sock", "x", tmp_path / "valkey.log", throw_away=True)
    valkey.create()
    running = Server({**committed_db.environment, "REDIS_URL": valkey.url()})
    user = user_factory()
    try:
        stream = Stream(running, token_of(user))
        first = event_append(user_id=user.pk, kind="task.created", payload={})
        assert stream.wait_for(1) == [(str(first), "task.created", {})]
    finally:
        running.process.terminate()
        running.process.wait(20)


def test_an_address_has_so_many_streams_behind_our_proxies_too(committed_db: CopiedDatabase, user_factory: UserFactory) -> None:
    installation_mark()
    environment = {"TRUSTED_PROXIES": "127.0.0.1", "REALTIME_ADDRESS_CONNECTIONS": "1"}
    server = Server({**committed_db.environment, **environment}, "--no-proxy-headers")
    try:
        token = token_of(user_factory())
        Stream(server, token, **{"X-Forwarded-For": "203.0.113.9"})
        Stream(server, token, **{"X-Forwarded-For": "203.0.113.7"})
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"}
        assert httpx.get(f"{server.url}/api/v1/events", headers=headers).status_code == 429
    finally:
        server.process.terminate()
        server.process.wait(20)
