"""What a gateway of text messages does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

TEMPLATE_VALUES = frozenset({"code", "minutes"})
"""What a template of a gateway can be filled with."""


@dataclass(frozen=True, slots=True)
class Message:
    """One code for one number; `life_s` is how long it works."""

    phone: str
    code: str
    life_s: int

    @property
    def values(self) -> dict[str, str]:
        """What fills a template: all strings, gateways refuse numbers."""
        return {"code": self.code, "minutes": str(self.life_s // 60)}


class Temporary(Exception):
    """The gateway did not take the message now, or its answer was lost; the user may ask again."""


class SmsGateway(Protocol):
    """Takes one message for delivery, or raises `Temporary`. Never retries by itself: a message may cost.

    What the message's own number is refused for comes as TooManyRequests (the carrier's limit) or InvalidInput.
    """

    def send(self, message: Message) -> None: ...
