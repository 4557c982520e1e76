"""What the fixtures stand on: refused sockets, copied databases, a client of contract `video`."""

from __future__ import annotations

import ipaddress
import itertools
import json
import os
import re
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from psycopg import sql

REAL_CONNECT = socket.socket.connect
REAL_CONNECT_EX = socket.socket.connect_ex


class SocketRefused(RuntimeError):
    """A test tried to reach something beyond this machine."""


def _judge(family: int, address: Any) -> None:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = str(address[0])
    try:
        is_near = ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        is_near = host == "localhost"
    if not is_near:
        raise SocketRefused(f"tests reach this machine only, not {host}")


def refuse_sockets() -> None:
    """From now on this process connects to loopback and unix sockets only."""

    def connect(self: socket.socket, address: Any) -> None:
        _judge(self.family, address)
        REAL_CONNECT(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        _judge(self.family, address)
        return REAL_CONNECT_EX(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = connect_ex  # type: ignore[method-assign, assignment]


def database_url(name: str) -> str:
    """The `DATABASE_URL` of database `name` on the test server: for processes that a test starts."""
    given = connections["default"].settings_dict
    options = given.get("OPTIONS", {})
    host = given.get("HOST") or options.get("host", "")
    user = given.get("USER") or options.get("user", "")
    password = f":{quote(given['PASSWORD'], safe='')}" if given.get("PASSWORD") else ""
    port = f":{given['PORT']}" if given.get("PORT") else ""
    return f"postgresql://{user}{password}@{quote(str(host), safe='')}{port}/{name}"


def _maintenance() -> psycopg.Connection[Any]:
    return psycopg.connect(database_url("postgres"), autocommit=True)


@contextmanager
def copied_database() -> Iterator[str]:
    """Inside, every connection of every thread goes to a fresh copy of the migrated test database; it is dropped after."""
    given = connections["default"].settings_dict
    template = given["NAME"]
    name = f"copy_{uuid.uuid4().hex[:12]}"
    connections.close_all()
    with _maintenance() as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        given["NAME"] = settings.DATABASES["default"]["NAME"] = name
        try:
            yield name
        finally:
            connections.close_all()
            given["NAME"] = settings.DATABASES["default"]["NAME"] = template
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True)
class CopiedDatabase:
    """The database of one test, for processes that it starts."""

    name: str

    @property
    def environment(self) -> dict[str, str]:
        """What such a process must be told beside the environment it inherits."""
        return {"DATABASE_URL": database_url(self.name), "REDIS_URL": settings.REDIS_URL, "DJANGO_SETTINGS_MODULE": "config.settings"}


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers, and the body as JSON (None when it is none)."""

    status: int
    headers: Mapping[str, str]
    body: Any
    raw: HttpResponse


class Api:
    """A JSON client of contract `video`: a bearer token, an application key, or neither."""

    def __init__(self, token: str | None = None, key: str | None = None) -> None:
        self.token, self.key = token, key
        self._client = Client(raise_request_exception=False)

    def _headers(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        own = {
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            **({"X-API-Key": self.key} if self.key else {}),
        }
        return {**own, **(extra or {})}

    def request(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, raw: bytes | None = None
    ) -> Answer:
        """One request; `raw` is sent as it is, `body` as JSON."""
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        response = self._client.generic(method, path, data, "application/json", headers=self._headers(headers))
        return self._answer(response)

    def _answer(self, response: Any) -> Answer:
        is_json = "json" in response.headers.get("Content-Type", "")
        body = json.loads(response.content) if is_json and not response.streaming and response.content else None
        return Answer(response.status_code, response.headers, body, response)

    def get(self, path: str, **more: Any) -> Answer:
        """GET `path`."""
        return self.request("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        """POST `body` to `path`."""
        return self.request("POST", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> Answer:
        """PATCH `path` with `body`."""
        return self.request("PATCH", path, body, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> Answer:
        """PUT `body` at `path`."""
        return self.request("PUT", path, body, **more)

    def delete(self, path: str, body: Any = None, **more: Any) -> Answer:
        """DELETE `path`."""
        return self.request("DELETE", path, body, **more)

    def upload(self, path: str, fields: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a multipart form; files are file-like objects with a name."""
        return self._answer(self._client.post(path, dict(fields), headers=self._headers(headers)))


class CrowdServer(ThreadingHTTPServer):
    """A server at which twenty clients may knock at the same moment: the usual queue of five lets the others wait for seconds."""

    request_queue_size = 128
    daemon_threads = True


_LOWEST_PORT, _PORTS = 20_000, 12_000
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
_ports = itertools.count(os.getppid() * 61 + int(_worker.removeprefix("gw")) * 1_500 if _worker else os.getpid() * 61)


def free_port() -> int:
    """A port of this machine that a server may be given, also a while later and once more.

    It lies below those that the kernel hands out by itself, so that no connection and no other test takes it meanwhile.
    """
    for number in _ports:
        port = _LOWEST_PORT + number % _PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError


def redis_of_worker(url: str, worker: str) -> str:
    """`url` with the Redis database of xdist worker `worker` (gw0 → 1)."""
    return re.sub(r"db=\d+", f"db={int(worker.removeprefix('gw')) + 1}", url)
