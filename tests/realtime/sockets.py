"""Clients of `/ws` for tests: STOMP over a raw WebSocket, over SockJS's WebSocket, and over its HTTP transports."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from accounts.realtime.stomp.frames import encoded
from generation.models import Task
from tests.realtime.test_events import Server

END = "\0closed"


def task_made(user: Any, **changes: Any) -> Task:
    """A finished task of `user`'s that cost nothing."""
    from config.kernel import clock

    now = clock.real_now()
    fields = {
        "kind": "text2img",
        "offer": "stargraph/text2img",
        "alias": "m",
        "params": {"steps": 30},
        "status": "SUCCEEDED",
        "progress": 100,
        "cost_credits": 0,
        "estimate_s": 1,
        "deadline_at": now,
        "created_at": now,
        "updated_at": now,
        **changes,
    }
    return Task.objects.create(user=user, **fields)


def split(text: str) -> tuple[str, dict[str, str], str]:
    """A server's frame: command, headers as written, body."""
    head, _, body = text.partition("\n\n")
    command, *lines = head.split("\n")
    return command, dict(line.split(":", 1) for line in lines), body.removesuffix("\0")


class Client:
    """A STOMP client over any carrier: `put` sends a text, texts that arrive are queued by the carrier."""

    def __init__(self) -> None:
        self.texts: queue.Queue[str] = queue.Queue()
        self.closing: tuple[int, str] | None = None

    def put(self, text: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def say(self, command: str, headers: dict[str, str] | None = None, body: str = "") -> None:
        self.put(encoded(command, headers or {}, body.encode()))

    def next(self, seconds: float = 30) -> tuple[str, dict[str, str], str]:
        """The next frame; ("", {}, "") when the connection has ended."""
        while True:
            text = self.texts.get(timeout=seconds)
            if text == END:
                return "", {}, ""
            if text != "\n":
                return split(text)

    def quiet(self, seconds: float = 0.4) -> bool:
        """True when nothing comes for a while."""
        try:
            self.texts.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def hello(self, token: str, **headers: str) -> dict[str, str]:
        self.say("CONNECT", {"accept-version": "1.0,1.1,1.2", "host": "x", "Authorization": f"Bearer {token}", **headers})
        command, found, _ = self.next()
        assert command == "CONNECTED", found
        return found

    def subscribe(self, destination: str, name: str, **headers: str) -> None:
        """Subscribed for certain: the receipt has come."""
        self.say("SUBSCRIBE", {"destination": destination, "id": name, "receipt": f"r-{name}", **headers})
        assert self.next()[:2] == ("RECEIPT", {"receipt-id": f"r-{name}"})

    def message(self) -> tuple[dict[str, str], Any]:
        command, headers, body = self.next()
        assert command == "MESSAGE", (command, headers, body)
        assert int(headers["content-length"]) == len(body.encode())
        return headers, json.loads(body)


class Raw(Client):
    """STOMP straight over a WebSocket."""

    path = "/ws/websocket"

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__()
        # closed by `close`, or by the server's end: a client outlives the statement that opened it
        self.socket = contextlib.ExitStack().enter_context(connect(f"ws://127.0.0.1:{server.port}{self.path}", **options))
        threading.Thread(target=self._read, daemon=True).start()

    def put(self, text: str) -> None:
        with contextlib.suppress(ConnectionClosed):  # who was cut off a moment before hears that as what comes next
            self.socket.send(text)

    def close(self) -> None:
        self.socket.close()

    def _read(self) -> None:
        try:
            for text in self.socket:
                self._heard(str(text))
        except ConnectionClosed as error:
            if error.rcvd is not None and self.closing is None:
                self.closing = (error.rcvd.code, error.rcvd.reason)
        self.texts.put(END)

    def _heard(self, text: str) -> None:
        self.texts.put(text)


class Framed(Raw):
    """STOMP in SockJS's frames over a WebSocket."""

    def __init__(self, server: Server, **options: Any) -> None:
        self.path = f"/ws/000/{uuid.uuid4().hex}/websocket"
        self.opened = threading.Event()
        super().__init__(server, **options)
        assert self.opened.wait(30)

    def put(self, text: str) -> None:
        super().put(json.dumps([text]))

    def _heard(self, text: str) -> None:
        frame_heard(self, text, self.opened)


def frame_heard(client: Client, frame: str, opened: threading.Event) -> None:
    """What SockJS's frame says to `client`."""
    if frame == "o":
        opened.set()
    elif frame[0] == "a":
        for one in json.loads(frame[1:]):
            client.texts.put(one)
    elif frame[0] == "c":
        code, reason = json.loads(frame[1:])
        client.closing = (code, reason)
    else:
        assert frame == "h"


class Http(Client):
    """STOMP in SockJS's frames over one of the HTTP transports."""

    def __init__(self, server: Server, transport: str) -> None:
        super().__init__()
        self.base = f"{server.url}/ws/000/{uuid.uuid4().hex}"
        self._transport = transport
        self._is_over = False
        self.opened = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self.opened.wait(30)

    def put(self, text: str) -> None:
        assert httpx.post(f"{self.base}/xhr_send", content=json.dumps([text]), timeout=30).status_code == 204

    def close(self) -> None:
        self._is_over = True

    def _read(self) -> None:
        method = "GET" if self._transport == "eventsource" else "POST"
        with contextlib.suppress(httpx.HTTPError):
            while self.closing is None and not self._is_over:
                with httpx.stream(method, f"{self.base}/{self._transport}", timeout=60) as answer:
                    for line in answer.iter_lines():
                        frame = line.removeprefix("data: ")
                        if frame and frame != "h" * 2048:
                            frame_heard(self, frame, self.opened)
        self.texts.put(END)


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
