"""What a connection wants to hear, and from where on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from accounts.realtime.stomp import messages
from accounts.realtime.stomp.frames import Frame, Version
from accounts.realtime.stomp.pace import Pace
from accounts.realtime.stomp.refusal import Refused

EVENT_ID = re.compile(r"[0-9]{1,18}")
ACKS = ("auto", "client", "client-individual")


@dataclass(slots=True, eq=False)
class Subscription:
    """One wish of a client. It has the events up to the number `has`; while `is_behind` the log tells it the rest."""

    name: str
    destination: str
    ack: str
    has: int = 0
    is_behind: bool = False
    pace: Pace = field(default_factory=Pace)


def subscription_of(frame: Frame, version: Version) -> Subscription:
    """What the SUBSCRIBE frame wishes. Raises Refused."""
    destination = frame.headers.get("destination", "")
    ack, last = frame.headers.get("ack", "auto"), frame.headers.get("last-event-id", "")
    if destination not in messages.DESTINATIONS:
        raise Refused("Unknown destination")
    if ack not in ACKS:
        raise Refused("Unknown ack mode")
    name = name_of(frame, version)
    return Subscription(name, destination, ack) if not last else Subscription(name, destination, ack, _number(last), is_behind=True)


def name_of(frame: Frame, version: Version) -> str:
    """How the subscription of this frame is called: in 1.0 the destination stands in for a missing id. Raises Refused."""
    name = frame.headers.get("id", frame.headers.get("destination", "") if version == "1.0" else "")
    if not name:
        raise Refused("A subscription needs an id of its own")
    return name


def _number(text: str) -> int:
    if EVENT_ID.fullmatch(text) is None:
        raise Refused("last-event-id is no event-id of ours")
    return int(text)
