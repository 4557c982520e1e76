"""One STOMP conversation, whatever carries it: who speaks, what they subscribed to, their events in order, the beats of both hearts."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from dataclasses import dataclass

from accounts.realtime import messages
from accounts.realtime.callers import Caller, Proof, caller_of
from accounts.realtime.events import hub
from accounts.realtime.hub import in_thread
from accounts.realtime.listener import PAGE, Listener, Message
from accounts.realtime.outbox import GOING_AWAY, TOO_SLOW, Outbox
from accounts.realtime.stomp import OPENING, Frame, Malformed, Parser, Version, chosen_version, encoded
from accounts.selectors.event import events_after, last_number
from config.kernel.errors import DatabaseUnavailable, DomainError
from config.kernel.sql import domain_errors

logger = logging.getLogger(__name__)
CONNECT_WITHIN_S = 10.0
BEAT_MS = 10_000
SHORTEST_BEAT_MS = 1_000
SILENCE_MIN_S = 90.0
STALLED_S = 20.0
SUBSCRIPTIONS_MAX = 16
FRAMES_PER_10_S = 300
STATUS_DESTINATION = "/app/task/status"
REFUSED = (1008, "Refused")
BROKEN = (1002, "Protocol error")


class Refused(Exception):
    """The conversation ends: an ERROR frame with this text, then the close."""

    def __init__(self, text: str, closing: tuple[int, str] = BROKEN) -> None:
        super().__init__(text)
        self.closing = closing


@dataclass(slots=True, eq=False)
class Subscription:
    """One wish of a client; `behind_from` is the number after which the log is still to be told."""

    name: str
    destination: str
    ack: str
    behind_from: int | None = None


class Conversation:
    """A client's side of the broker. Call `hear` with what it says, strictly in order; what it is told waits in `outbox`."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        self.outbox = outbox
        self._address = address
        self._parser = Parser()
        self._version: Version = "1.0"
        self._listener: Listener | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._count = 0
        self._name = secrets.token_hex(6)
        self._joined: asyncio.Future[Listener] = asyncio.get_running_loop().create_future()
        self._heard_at = self._said_at = time.monotonic()
        self._beat_s = self._silence_s = 0.0
        self._frames: deque[float] = deque(maxlen=FRAMES_PER_10_S)
        self._task: asyncio.Task[None] = asyncio.create_task(self._run())

    async def hear(self, text: str) -> None:
        """The client said `text`. Nothing it says raises: what is wrong ends the conversation with an ERROR frame."""
        self._heard_at = time.monotonic()
        frame: Frame | None = None
        try:
            for frame in self._parser.feed(text.encode()):
                if self.outbox.closing is not None:
                    return
                await self._obey(frame)
                frame = None
        except Malformed as error:
            self._refuse(Refused(str(error)), None)
        except UnicodeEncodeError:
            self._refuse(Refused("The text is not UTF-8"), None)
        except Refused as error:
            self._refuse(error, frame)
        except DomainError as error:
            self._refuse(Refused("Try again later" if isinstance(error, DatabaseUnavailable) else "Unauthorized", REFUSED), frame)
        except Exception:
            logger.exception("a frame was not understood by our own fault")
            self._refuse(Refused("Internal error", (1011, "Internal error")), frame)

    async def stop(self) -> None:
        """The connection is gone; its place among the listeners is free."""
        self.outbox.close(*GOING_AWAY)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        listener, self._listener = self._listener, None
        if listener is not None:
            await hub.leave(listener, self._address)

    def _refuse(self, error: Refused, frame: Frame | None) -> None:
        headers = {"message": str(error), "content-type": "text/plain"}
        if frame is not None and "receipt" in frame.headers:
            headers["receipt-id"] = frame.headers["receipt"]
        self._say("ERROR", headers, str(error).encode())
        self.outbox.close(*error.closing)

    def _say(self, command: str, headers: dict[str, str], body: bytes = b"") -> None:
        self._said_at = time.monotonic()
        if body:
            headers["content-length"] = str(len(body))
        self.outbox.put(encoded(command, headers, body, version=self._version))

    # What a client may say.

    async def _obey(self, frame: Frame) -> None:
        now = time.monotonic()
        if len(self._frames) == FRAMES_PER_10_S and now - self._frames[0] < 10:
            raise Refused("Too many frames", REFUSED)
        self._frames.append(now)
        if (frame.command in OPENING) == (self._listener is not None):
            raise Refused("Already connected" if self._listener is not None else "CONNECT first")
        if "transaction" in frame.headers or frame.command in ("BEGIN", "COMMIT", "ABORT"):
            raise Refused("Transactions are not supported")
        if frame.command in OPENING:
            await self._connect(frame)
            return
        if frame.command == "SUBSCRIBE":
            self._subscribe(frame)
        elif frame.command == "UNSUBSCRIBE":
            self._unsubscribe(frame)
        elif frame.command == "SEND":
            await self._send(frame)
        elif frame.command == "NACK" and self._version == "1.0":
            raise Refused("Unknown command")
        if "receipt" in frame.headers:
            self._say("RECEIPT", {"receipt-id": frame.headers["receipt"]})
        if frame.command == "DISCONNECT":
            self.outbox.close(*GOING_AWAY)

    async def _connect(self, frame: Frame) -> None:
        version = chosen_version(frame.headers.get("accept-version"))
        if version is None:
            self._say("ERROR", {"version": "1.0,1.1,1.2", "message": "No common version", "content-type": "text/plain"})
            self.outbox.close(*BROKEN)
            return
        client_beats_ms, client_wants_ms = _beats(frame.headers.get("heart-beat", "0,0"))
        authorization = next((value for name, value in frame.headers.items() if name.lower() == "authorization"), "")
        if not authorization.strip():
            raise Refused("Unauthorized", REFUSED)
        caller, newest = await in_thread(_prove, authorization.strip())
        if self.outbox.closing is not None:
            return  # the connection went away meanwhile
        if not hub.has_room(caller.principal.user_id, self._address):
            raise Refused("Too many connections", REFUSED)
        self._version = self._parser.version = version
        if version != "1.0":
            self._beat_s = max(client_wants_ms, BEAT_MS) / 1000 * 0.9 if client_wants_ms else 0.0
            self._silence_s = max(client_beats_ms, BEAT_MS) / 1000 * 3 if client_beats_ms else 0.0
        beats = {} if version == "1.0" else {"heart-beat": f"{BEAT_MS},{BEAT_MS}"}
        self._say("CONNECTED", {"version": version, "session": self._name, "server": "atelier", **beats})
        await self._join(Listener(Proof.of(caller.principal), newest, caller.until, is_behind=True))

    async def _join(self, listener: Listener) -> None:
        self._listener = listener
        await hub.join(listener, self._address)
        if not self._joined.done():
            self._joined.set_result(listener)

    def _wake(self) -> None:
        if self._listener is not None:
            self._listener.woken.set()

    def _subscribe(self, frame: Frame) -> None:
        destination = frame.headers.get("destination", "")
        name = frame.headers.get("id", destination if self._version == "1.0" else "")
        ack, number = frame.headers.get("ack", "auto"), frame.headers.get("last-event-id")
        if destination not in messages.DESTINATIONS:
            raise Refused("Unknown destination")
        if not name or name in self._subscriptions:
            raise Refused("A subscription needs an id of its own")
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise Refused("Too many subscriptions", REFUSED)
        if ack not in ("auto", "client", "client-individual"):
            raise Refused("Unknown ack mode")
        if number is not None and not (number.isascii() and number.isdigit() and len(number) < 19):
            raise Refused("last-event-id is a whole number")
        self._subscriptions[name] = Subscription(name, destination, ack, int(number) if number is not None else None)
        self._wake()

    def _unsubscribe(self, frame: Frame) -> None:
        name = frame.headers.get("id", frame.headers.get("destination", "") if self._version == "1.0" else "")
        if self._subscriptions.pop(name, None) is None:
            raise Refused("Unknown subscription")

    async def _send(self, frame: Frame) -> None:
        if frame.headers.get("destination") != STATUS_DESTINATION:
            raise Refused("Unknown destination")
        assert self._listener is not None
        body = await in_thread(_status, self._listener.proof.user_id, frame.body)
        for subscription in list(self._subscriptions.values()):
            if subscription.destination == messages.REPLY:
                self._message(subscription, body, self._listener.last)

    # What a client is told.

    def _message(self, subscription: Subscription, body: bytes, event_id: int) -> None:
        self._count += 1
        number = f"{self._name}-{self._count}"
        headers = {
            "subscription": subscription.name,
            "message-id": number,
            "destination": subscription.destination,
            "content-type": "application/json",
            "event-id": str(event_id),
        }
        if subscription.ack != "auto":
            headers["ack"] = number
        self._say("MESSAGE", headers, body)

    async def _run(self) -> None:
        """From the first second to the end: the wait for CONNECT, then events and beats."""
        try:
            listener = await asyncio.wait_for(self._joined, CONNECT_WITHIN_S)
            while self.outbox.closing is None:
                await self._step(listener)
        except TimeoutError:
            self._refuse(Refused("CONNECT was awaited", REFUSED), None)
        except Refused as error:
            self._refuse(error, None)
        except Exception:
            logger.exception("a conversation ended by our own fault")
            self.outbox.close(1011, "Internal error")

    async def _step(self, listener: Listener) -> None:
        now = time.monotonic()
        if listener.is_over or now >= listener.until:
            raise Refused("Token expired" if now >= listener.until else "The session has ended", REFUSED)
        if self._silence_s and now - self._heard_at > max(self._silence_s, SILENCE_MIN_S):
            raise Refused("No heart-beat", (1002, "No heart-beat"))
        if self._beat_s and now - self._said_at >= self._beat_s:
            self._said_at = now
            self.outbox.put("\n")
        await self._room()
        listener.woken.clear()
        try:
            if await self._tell(listener):
                return
        except DatabaseUnavailable:
            listener.catch_up()
            await asyncio.sleep(1)
            return
        if listener.is_over:
            return
        try:
            await asyncio.wait_for(listener.woken.wait(), self._pause(listener, now))
        except TimeoutError:
            return

    def _pause(self, listener: Listener, now: float) -> float:
        """Until something is due: a beat, the end of the token, the judgement of a silent client."""
        beat_s = self._said_at + self._beat_s - now if self._beat_s else 30.0
        return max(0.01, min(beat_s, listener.until - now, 30.0))

    async def _room(self) -> None:
        """A client that takes nothing of what waits for it is cut off; its events wait in the listener, which is bounded too."""
        if self.outbox.drained.is_set():
            return
        try:
            await asyncio.wait_for(self.outbox.drained.wait(), STALLED_S)
        except TimeoutError:
            self.outbox.close(*TOO_SLOW)

    async def _tell(self, listener: Listener) -> bool:
        """One portion of what the client has not heard; True when there may be more. Raises DatabaseUnavailable."""
        for subscription in list(self._subscriptions.values()):
            if subscription.behind_from is not None:
                await self._replay(subscription, listener)
                return True
        if listener.is_behind:
            before = listener.last
            found = await in_thread(_read, listener)
        else:
            before, found = listener.last, listener.take()
        for message in found:
            before = message.number or before
            wishes = [wish for wish in self._subscriptions.values() if wish.behind_from is None]
            await self._pass_on(listener, message, before, wishes)
        return bool(found) or listener.is_behind

    async def _replay(self, subscription: Subscription, listener: Listener) -> None:
        """The next page of the log for a client that came back, up to where the others are."""
        assert subscription.behind_from is not None
        rows = await in_thread(_page, listener.proof.user_id, subscription.behind_from)
        for row in rows:
            if row.number is not None and row.number > listener.last:
                break
            subscription.behind_from = row.number
            await self._pass_on(listener, row, row.number or 0, [subscription])
        else:
            if len(rows) == PAGE:
                return
        subscription.behind_from = None

    async def _pass_on(self, listener: Listener, message: Message, event_id: int, wishes: list[Subscription]) -> None:
        """`message` goes to those of `wishes` that are still wanted. Only the last of its parts has its own number: a client
        that was cut off between two parts gets both again."""
        if not wishes:
            return
        told = await self._told(listener, message)
        for place, one in enumerate(told):
            is_last = place == len(told) - 1
            for subscription in wishes:
                if subscription.destination == one.destination and self._subscriptions.get(subscription.name) is subscription:
                    self._message(subscription, one.body, event_id if is_last else event_id - 1)
        await self._room()

    async def _told(self, listener: Listener, message: Message) -> list[messages.Told]:
        """What `message` says; a silent database is asked again every second as long as somebody listens."""
        user_id = listener.proof.user_id
        told = messages.told_quickly(user_id, message)
        while told is None:
            try:
                told = await in_thread(_told, user_id, message)
            except DatabaseUnavailable:
                if self.outbox.closing is not None or listener.is_over:
                    return []
                await asyncio.sleep(1)
        return told


def _beats(text: str) -> tuple[int, int]:
    """What the client can send and wants to get, in milliseconds. Raises Refused."""
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isascii() and part.strip().isdigit() and len(part) < 12 for part in parts):
        raise Refused("heart-beat is two numbers")
    return int(parts[0]), int(parts[1])


def _prove(authorization: str) -> tuple[Caller, int]:
    with domain_errors():
        caller = caller_of({"authorization": authorization})
        return caller, last_number(caller.principal.user_id)


def _read(listener: Listener) -> list[Message]:
    with domain_errors():
        return listener.read()


def _page(user_id: int, number: int) -> list[Message]:
    with domain_errors():
        return [Message(row.number, row.kind, row.payload) for row in events_after(user_id=user_id, number=number, limit=PAGE)]


def _told(user_id: int, message: Message) -> list[messages.Told]:
    with domain_errors():
        return messages.told(user_id, message)


def _status(user_id: int, body: bytes) -> bytes:
    with domain_errors():
        return messages.status_reply(user_id, body)
