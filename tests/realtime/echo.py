"""The services of the protocol's test paths in this process, over real HTTP: no database, no user. And a client that sees the wire."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

import uvicorn

from accounts.realtime.sockjs.endpoint import Endpoint
from accounts.realtime.sockjs.suite_paths import endpoints


class EchoServer:
    """uvicorn in a thread, as realtime processes run it."""

    def __init__(self, *more: Endpoint, http: str = "h11") -> None:
        self._endpoints = [*endpoints(), *more]
        door = socket.create_server(("127.0.0.1", 0))
        self.port = int(door.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            self._answer,
            http=http,
            lifespan="off",
            interface="asgi3",
            log_level="error",
            ws_per_message_deflate=False,
            loop="asyncio",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([door],), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        self._loop = asyncio.get_running_loop()
        await self.endpoint(scope["path"])(scope, receive, send)

    def endpoint(self, path: str) -> Endpoint:
        """The service that answers `path`."""
        return next(one for one in self._endpoints if one.owns(path))

    @property
    def open_connections(self) -> int:
        """How many clients hold a connection."""
        return len(self._server.server_state.connections)

    def session(self, base: str = "/echo") -> str:
        """The address of a session that nobody has opened."""
        return f"{self.url}{base}/000/{uuid.uuid4().hex}"

    def end_sessions(self) -> None:
        """Sessions that still had a while to live have ended."""
        for endpoint in self._endpoints:
            asyncio.run_coroutine_threadsafe(endpoint.close(), self._loop).result(30)

    def close(self) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()


class Wire:
    """An HTTP request as octets, and its answer: head, then chunks as they were cut."""

    def __init__(self, server: EchoServer, method: str, path: str, headers: dict[str, str] | None = None, *, version: str = "1.1") -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        self._file = self.socket.makefile("rb")
        self.ask(method, path.removeprefix(server.url), headers, version=version)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, *, version: str = "1.1") -> None:
        """One more request on the same connection; its head is read."""
        lines = {"Host": "127.0.0.1", "Content-Length": "0", **(headers or {})}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.socket.sendall(f"{method} {path} HTTP/{version}\r\n{text}\r\n".encode())
        self.status = int(self._file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self._file.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def chunk(self) -> str:
        """The next chunk; an empty one ends the answer."""
        size = int(self._file.readline(), 16)
        text = self._file.read(size).decode()
        assert self._file.readline() == b"\r\n"
        return text

    def rest(self) -> str:
        """Everything until the server closes the connection."""
        return self._file.read().decode()

    def read(self, size: int) -> str:
        return self._file.read(size).decode()

    def close(self) -> None:
        self._file.close()
        self.socket.close()
