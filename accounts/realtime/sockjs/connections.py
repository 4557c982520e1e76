"""The open connections of this process: bounded, in all and by address, and told when the process goes."""

from __future__ import annotations

import asyncio
from collections import Counter

from django.conf import settings

from accounts.realtime.outbox import Outbox

RESTART = (1012, "Service restart")
ENDED_A_SECOND = 500
"""Clients come back a few seconds after they were told to: no faster than the next process can take them."""
STEP_S = 0.05


class Connections:
    """Every socket and session that has a place here."""

    def __init__(self) -> None:
        self.is_leaving = False
        self._boxes: dict[Outbox, str] = {}
        self._addresses: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._boxes)

    def has_room(self, address: str) -> bool:
        """True when one more client from `address` may come in."""
        if self.is_leaving or len(self._boxes) >= settings.REALTIME_CONNECTIONS:
            return False
        return self._addresses[address] < settings.REALTIME_ADDRESS_CONNECTIONS

    def enter(self, box: Outbox, address: str) -> None:
        """The client behind `box` is here."""
        self._boxes[box] = address
        self._addresses[address] += 1

    def leave(self, box: Outbox) -> None:
        """The client behind `box` is gone; asked twice, gone once."""
        address = self._boxes.pop(box, None)
        if address is None:
            return
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    async def end_all(self, within_s: float) -> None:
        """Everybody has been told that this process goes, over `within_s` seconds at most; nobody new comes in."""
        self.is_leaving = True
        waiting = list(self._boxes)
        steps = max(1, int(min(within_s, len(waiting) / ENDED_A_SECOND) / STEP_S))
        for step in range(steps):
            for box in waiting[step::steps]:
                box.close(*RESTART)
            if step + 1 < steps:
                await asyncio.sleep(STEP_S)
