"""The platform as `make run` starts it, and the stock clients in node beside it."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from functools import cached_property

import httpx
import pytest

from tests.browser.conftest import PASSWORD, chromium
from tests.clients.pages import CLIENT_URL
from tests.clients.tools import NodeRun, Report, clients_installed
from tests.launcher.test_run import Run

__all__ = ["chromium"]
TRANSPORTS = ("/ws", "/ws/websocket", "websocket", "xhr-streaming", "eventsource", "xhr-polling")
NAMES = {
    "Modern": "@stomp/stompjs 7.5.0",
    "Old": "stompjs 2.3.3",
    "Webstomp": "webstomp-client 1.2.6",
    "DocumentedOld": "stompjs 2.3.3 (Stomp.over)",
    "DocumentedModern": "@stomp/stompjs 7.5.0 (Stomp.over)",
}
CASES = [(client, transport) for client in ("Modern", "Old") for transport in TRANSPORTS]
CASES += [("Webstomp", transport) for transport in ("/ws", "websocket", "xhr-polling")]
DOCUMENT_CASES = [(client, transport) for client in ("DocumentedOld", "DocumentedModern") for transport in TRANSPORTS[2:]]
IDLE_MS = 20_500


class Stock:
    """Every client over every transport in node, one process a story, all cases at once; a story is played once."""

    def __init__(self, platform: Run) -> None:
        self.platform, self.base = platform, f"http://127.0.0.1:{platform.port}"
        self._seen: dict[tuple[str, str, str], Report] = {}
        self._runs: list[NodeRun] = []
        self._idle = self._begun("idle")

    @cached_property
    def place(self) -> Report:
        """What a story must know about the platform and its user."""
        answer = httpx.post(f"{self.base}/api/v1/auth/login", json={"username": "demo1", "password": PASSWORD}, timeout=60)
        md5 = hashlib.md5(PASSWORD.encode()).hexdigest()
        own = {"base": self.base, "token": answer.json()["data"]["token"], "username": "demo1", "md5": md5, "idleMs": IDLE_MS}
        return {**own, "wrongToken": "x.y.z"}

    def seen(self, story: str, client: str, transport: str) -> Report:
        """What `client` saw over `transport`; a story that broke off fails here."""
        if (story, client, transport) not in self._seen:
            self._played(story, self._idle if story == "idle" else self._begun(story), {})
        found = self._seen[story, client, transport]
        assert "error" not in found, found["error"]
        return found

    def killed(self) -> None:
        """The story in whose middle the platform's web process dies."""
        self._played("killed", self._begun("killed"), {"begun": self.kill})

    def end(self) -> None:
        """No node process is left, also when a test was broken off."""
        for run in self._runs:
            run.end()

    def _begun(self, story: str) -> NodeRun:
        found = DOCUMENT_CASES if story == "document" else CASES
        cases = [{"client": client, "transport": transport, "story": story} for client, transport in found]
        self._runs.append(NodeRun({**self.place, "cases": cases}))
        return self._runs[-1]

    def _played(self, story: str, run: NodeRun, on: dict[str, Callable[[], object]]) -> None:
        for report in run.reports(on):
            self._seen[story, report["client"], report["transport"]] = report

    def kill(self) -> None:
        """The platform's web process is gone, sockets and all; its supervisor starts another."""
        os.kill(self.platform.pids()["web"], signal.SIGKILL)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """The clients are installed and the platform runs; so many sign-ins a minute are no attack here."""
    clients_installed()
    running = Run(tmp_path_factory.mktemp("clients") / "var")
    running.start(DEMO_PASSWORD=PASSWORD, RATE_LIMITS="off", WORKER_PROCESSES="6", SOCKJS_CLIENT_URL=CLIENT_URL)
    running.wait_announced()
    clients = Stock(running)
    yield clients
    clients.end()
    running.stop()
