"""Thousands of STOMP clients in one cheap process: plain sockets, hand-written WebSocket frames, one epoll.

They speak SockJS as a browser's client does. Each line of standard input is an order, each line of standard output its answer.
"""

from __future__ import annotations

import json
import os
import re
import select
import socket
import sys
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

DESTINATIONS = ("/user/queue/reply", "/user/topic/progress", "/user/topic/result")
OPENING_AT_ONCE = 64
OPEN_WITHIN_S = 120
MASK = b"\0\0\0\0"
"""A mask is required; this one changes nothing, so it costs nothing."""
TEXT, PING, PONG = 1, 9, 10
EVENT = re.compile(rb"MESSAGE\\n(?:(?!\\n\\n).)*?\\nevent-id:(\d+)\\n")


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's WebSocket frame."""
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2, "big")
    return head + MASK + payload


def said(command: str, *headers: str) -> bytes:
    """A STOMP frame in SockJS's clothes."""
    return frame(TEXT, json.dumps(["\n".join([command, *headers, "", "\0"])]).encode())


@dataclass(slots=True, eq=False)
class Client:
    """One connection. It is `ready` when the receipt of its last subscription has come."""

    place: int
    token: str
    socket: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    is_upgraded: bool = False
    is_ready: bool = False


class Crowd:
    """Every client of this process, and what they received since the last `mark`."""

    def __init__(self) -> None:
        self.poll = select.epoll()
        self.clients: dict[int, Client] = {}
        self.to_open: deque[tuple[int, str]] = deque()
        self.opening = self.ready = self.lost = self.next_beat = 0
        self.messages = 0
        self.last_at = 0.0
        self.is_recording = False
        self.seen: list[tuple[int, int, float]] = []
        self.address, self.source, self.beats_ms = ("127.0.0.1", 0), "127.0.0.1", 0

    def begin(self, place: int, token: str) -> None:
        """One more connection is on its way."""
        opened = socket.socket()
        opened.bind((self.source, 0))
        opened.connect(self.address)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setblocking(False)
        client = self.clients[opened.fileno()] = Client(place, token, opened)
        self.poll.register(opened.fileno(), select.EPOLLIN)
        self.opening += 1
        opened.send(
            f"GET /ws/000/{uuid.uuid4().hex}/websocket HTTP/1.1\r\nHost: {self.address[0]}:{self.address[1]}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n".encode()
        )
        del client

    def step(self, timeout_s: float) -> None:
        """What has arrived is understood; connections that wait to be opened begin."""
        while self.to_open and self.opening < OPENING_AT_ONCE:
            self.begin(*self.to_open.popleft())
        for number, _ in self.poll.poll(timeout_s):
            client = self.clients.get(number)
            if client is not None:
                self.hear(client)

    def hear(self, client: Client) -> None:
        try:
            data = client.socket.recv(262_144)
        except OSError:
            data = b""
        if not data:
            self.lose(client)
            return
        client.buffer += data
        if not client.is_upgraded:
            self.upgrade(client)
        self.read(client)

    def lose(self, client: Client) -> None:
        self.lost += 1
        self.opening -= not client.is_ready
        self.poll.unregister(client.socket.fileno())
        del self.clients[client.socket.fileno()]
        client.socket.close()

    def upgrade(self, client: Client) -> None:
        end = client.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(client.buffer[:end])
        if not head.startswith(b"HTTP/1.1 101") or b"permessage-deflate" in head:
            raise SystemExit(f"the handshake was answered {head!r}")
        del client.buffer[: end + 4]
        client.is_upgraded = True

    def read(self, client: Client) -> None:
        """Every whole frame of the server; its frames are not masked."""
        buffer, at, end = client.buffer, 0, len(client.buffer)
        while end - at >= 2:
            size, head = buffer[at + 1], 2
            if size > 125:
                head = 4 if size == 126 else 10
                if end - at < head:
                    break
                size = int.from_bytes(buffer[at + 2 : at + head], "big")
            if end - at < head + size:
                break
            opcode = buffer[at] & 15
            payload = bytes(buffer[at + head : at + head + size])
            at += head + size
            if opcode == TEXT:
                self.understand(client, payload)
            elif opcode == PING:
                client.socket.send(frame(PONG, payload))
        del buffer[:at]

    def understand(self, client: Client, text: bytes) -> None:
        if text.startswith(b'a["MESSAGE'):
            self.last_at = time.monotonic()
            self.messages += text.count(b"MESSAGE\\n")
            if self.is_recording:
                self.seen += [(client.place, int(number), self.last_at) for number in EVENT.findall(text)]
        elif text == b"o":
            headers = ("accept-version:1.2,1.1,1.0", f"heart-beat:{self.beats_ms},{self.beats_ms}", f"Authorization:Bearer {client.token}")
            client.socket.send(said("CONNECT", *headers))
        elif text.startswith(b'a["CONNECTED'):
            frames = (said("SUBSCRIBE", f"id:sub-{place}", f"destination:{name}") for place, name in enumerate(DESTINATIONS[:-1]))
            client.socket.send(b"".join(frames) + said("SUBSCRIBE", "id:sub-2", f"destination:{DESTINATIONS[-1]}", "receipt:r"))
        elif text.startswith(b'a["RECEIPT'):
            client.is_ready = True
            self.ready += 1
            self.opening -= 1
        elif text.startswith((b'a["ERROR', b"c[")):
            print(f"bench: a client was told {text!r}", file=sys.stderr)

    def beat(self, share: float) -> None:
        """Every client says that it lives once in ten seconds: a `share` of them now."""
        chosen = list(self.clients.values())
        count = int(len(chosen) * share) + 1
        for client in (chosen * 2)[self.next_beat : self.next_beat + count] if chosen else ():
            if client.is_ready:
                client.socket.send(frame(TEXT, b'["\\n"]'))
        self.next_beat = (self.next_beat + count) % max(1, len(chosen))

    # Orders.

    def open(self, *, port: int, source: str, tokens: str, places: list[int], beats_ms: int) -> dict[str, Any]:
        """Clients with the tokens of those lines of the file are connected and subscribed."""
        self.address, self.source, self.beats_ms = ("127.0.0.1", port), source, beats_ms
        with open(tokens) as file:
            lines = file.read().splitlines()
        begin, wanted = time.monotonic(), self.ready + len(places)
        self.to_open.extend((place, lines[place % len(lines)].split()[0]) for place in places)
        while (self.ready + self.lost < wanted or self.opening) and time.monotonic() < begin + OPEN_WITHIN_S:
            self.step(0.1)
        return {"ready": self.ready, "lost": self.lost, "seconds": time.monotonic() - begin}

    def mark(self, *, is_recording: bool) -> dict[str, Any]:
        """Counting begins anew."""
        self.messages, self.seen, self.is_recording = 0, [], is_recording
        return {}

    def report(self, *, expected: int, within_s: float) -> dict[str, Any]:
        """What came since the mark, as soon as it is `expected` messages or time is up."""
        until = time.monotonic() + within_s
        while self.messages < expected and time.monotonic() < until:
            self.step(0.05)
        return {"messages": self.messages, "last_at": self.last_at, "lost": self.lost, "seen": self.seen}


def main() -> None:
    """Obey until the orders end."""
    crowd = Crowd()
    orders, pending = sys.stdin.fileno(), b""
    os.set_blocking(orders, False)
    crowd.poll.register(orders, select.EPOLLIN)
    beaten_at = time.monotonic()
    while True:
        crowd.step(0.1)
        if (passed := time.monotonic() - beaten_at) > 0.1:
            if crowd.beats_ms:
                crowd.beat(passed * 1000 / crowd.beats_ms)
            beaten_at += passed
        try:
            data = os.read(orders, 1 << 20)
        except BlockingIOError:
            continue
        if not data:
            return
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            print(json.dumps(getattr(crowd, order.pop("do"))(**order)), flush=True)


if __name__ == "__main__":
    main()
