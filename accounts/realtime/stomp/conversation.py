"""One STOMP conversation, whatever carries it: who speaks, what they subscribed to, their events in order, the beats of both hearts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque

from django.conf import settings

from accounts.realtime.callers import Caller, Proof, caller_of
from accounts.realtime.hub import hub
from accounts.realtime.listener import Listener
from accounts.realtime.outbox import GOING_AWAY, Outbox
from accounts.realtime.stomp import sends
from accounts.realtime.stomp.beats import Beats
from accounts.realtime.stomp.frames import OPENING, Frame, Malformed, Parser, Version, chosen_version, encoded
from accounts.realtime.stomp.knocks import knocks
from accounts.realtime.stomp.refusal import BROKEN, REFUSED, Refused
from accounts.realtime.stomp.subscriptions import name_of, subscription_of
from accounts.realtime.stomp.teller import Teller
from accounts.realtime.threads import Threads, in_thread
from accounts.selectors.event import last_number
from config.kernel.errors import DatabaseUnavailable, DomainError, NotSignedIn, TokenExpired
from config.kernel.sql import domain_errors

logger = logging.getLogger(__name__)
IDLE_S = 30.0
_in_order_thread = Threads()
"""Orders take longer than reads: nobody's events wait for them."""


class Conversation:
    """A client's side of the broker. Call `hear` with what it says, strictly in order; what it is told waits in `outbox`."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        self.outbox = outbox
        self._address = address
        self._parser = Parser()
        self._version: Version = "1.0"
        self._authorization = ""
        self._listener: Listener | None = None
        self._teller = Teller(outbox, self._say)
        self._joined: asyncio.Future[Listener] = asyncio.get_running_loop().create_future()
        self._beats = Beats()
        self._frames: deque[float] = deque(maxlen=settings.REALTIME_FRAMES_PER_10_S)
        self._telling = asyncio.Lock()
        self._task: asyncio.Task[None] = asyncio.create_task(self._run())

    async def hear(self, text: str) -> None:
        """The client said `text`. Nothing it says raises: what is wrong ends the conversation with an ERROR frame."""
        if self.outbox.closing is not None:
            return
        self._beats.heard_at = time.monotonic()
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
            self._refuse(Refused(_reason(error), REFUSED), frame)
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
        self._beats.said_at = time.monotonic()
        if body:
            headers["content-length"] = str(len(body))
        self.outbox.put(encoded(command, headers, body, version=self._version))

    # What a client may say.

    async def _obey(self, frame: Frame) -> None:
        now = time.monotonic()
        if len(self._frames) == self._frames.maxlen and now - self._frames[0] < 10:
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
        beats = self._beats.agree(frame.headers.get("heart-beat", "0,0"), version)
        self._authorization = next((value for name, value in frame.headers.items() if name.lower() == "authorization"), "").strip()
        caller, newest = await self._admitted()
        if self.outbox.closing is not None:
            return  # the connection went away meanwhile
        if not hub.has_room(caller.principal.user_id, self._address):
            raise Refused("Too many connections", REFUSED)
        self._version = self._parser.version = version
        here = {"event-id": str(newest)}  # who is cut off before the first message knows where to go on
        self._say("CONNECTED", {"version": version, "session": self._teller.name, "server": "atelier", **beats, **here})
        self._teller.at = newest
        await self._join(Listener(Proof.of(caller.principal), newest, caller.until, is_behind=True))

    async def _admitted(self) -> tuple[Caller, int]:
        """Who speaks, and the number of their newest event. An address that proves nothing again and again is not listened to."""
        if not knocks.is_patient(self._address):
            raise Refused("Too many refusals", REFUSED)
        try:
            return await in_thread(_prove, self._authorization)
        except DatabaseUnavailable:
            raise
        except DomainError:
            knocks.refused(self._address)
            raise Refused("Unauthorized", REFUSED) from None

    async def _join(self, listener: Listener) -> None:
        self._listener = listener
        await hub.join(listener, self._address)
        if not self._joined.done():
            self._joined.set_result(listener)

    def _subscribe(self, frame: Frame) -> None:
        subscription = subscription_of(frame, self._version)
        if subscription.name in self._teller.subscriptions:
            raise Refused("A subscription needs an id of its own")
        if len(self._teller.subscriptions) >= settings.REALTIME_SUBSCRIPTIONS:
            raise Refused("Too many subscriptions", REFUSED)
        self._teller.subscriptions[subscription.name] = subscription
        if self._listener is not None:
            self._listener.woken.set()

    def _unsubscribe(self, frame: Frame) -> None:
        if self._teller.subscriptions.pop(name_of(frame, self._version), None) is None:
            raise Refused("Unknown subscription")

    async def _send(self, frame: Frame) -> None:
        """The answer goes to this connection. While it orders something it is told nothing else: the reply comes before the events."""
        if frame.headers.get("destination") not in sends.SENDS or self._listener is None:
            raise Refused("Unknown destination")
        sent = sends.sent_of(self._authorization, self._listener.proof, frame.headers, frame.body)
        async with self._telling if sent.destination == sends.GENERATE else contextlib.nullcontext():
            answer = await _in_order_thread(sends.answered, sent)
            self._teller.reply(answer.body, {"idempotent-replayed": "true"} if answer.is_replayed else {})

    async def _run(self) -> None:
        """From the first second to the end: the wait for CONNECT, then events and beats."""
        try:
            listener = await asyncio.wait_for(self._joined, settings.REALTIME_CONNECT_WITHIN_S)
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
        self._judge(listener, time.monotonic())
        await self._teller.room()
        listener.woken.clear()
        try:
            async with self._telling:
                if await self._teller.tell(listener):
                    return
                self._teller.say_due()
        except DatabaseUnavailable:
            listener.catch_up()
            await asyncio.sleep(1)
            return
        if listener.is_over or self.outbox.closing is not None:
            return
        await listener.woken.within(self._pause(listener))

    def _judge(self, listener: Listener, now: float) -> None:
        """Whether the conversation goes on, and whether it is time to beat. Raises Refused."""
        if listener.is_over or now >= listener.until:
            raise Refused("Token expired" if now >= listener.until else "The session has ended", REFUSED)
        if self._beats.is_silent(now):
            raise Refused("No heart-beat", (1002, "No heart-beat"))
        if self._beats.is_due(now):
            self._beats.said_at = now
            self.outbox.put("\n")

    def _pause(self, listener: Listener) -> float:
        """Until something is due: a beat, a step of a task, the end of the token, the judgement of a silent client."""
        now = time.monotonic()
        step_s = self._teller.next_at(now + IDLE_S) - now
        return max(0.01, min(step_s, self._beats.next_s(now), listener.until - now, IDLE_S))


def _reason(error: DomainError) -> str:
    """Why somebody who was known is no longer; no more than that."""
    if isinstance(error, DatabaseUnavailable):
        return "Try again later"
    return "Token expired" if isinstance(error, TokenExpired) else "The session has ended"


def _prove(authorization: str) -> tuple[Caller, int]:
    if not authorization:
        raise NotSignedIn()
    with domain_errors():
        caller = caller_of({"authorization": authorization})
        return caller, last_number(caller.principal.user_id)
