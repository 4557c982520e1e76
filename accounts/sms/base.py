"""What a gateway of text messages does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One code for one number; `life_s` is how long it works."""

    phone: str
    code: str
    life_s: int


class Temporary(Exception):
    """The gateway did not take the message now; the user may ask again."""


class SmsGateway(Protocol):
    """Takes one message for delivery, or raises `Temporary`. Never retries by itself: a message may cost."""

    def send(self, message: Message) -> None: ...
