"""Addresses whose CONNECTs prove nothing: clients that were refused come back every few seconds for ever."""

from __future__ import annotations

import time
from collections import deque

from django.conf import settings

WITHIN_S = 60.0
ADDRESSES_MAX = 10_000


class Knocks:
    """Refused CONNECTs of the last minute in this process, by address."""

    def __init__(self) -> None:
        self._refused: dict[str, deque[float]] = {}

    def is_patient(self, address: str) -> bool:
        """True while what comes from the address is still looked at."""
        return not settings.RATE_LIMITS or len(self._recent(address)) < settings.REALTIME_REFUSALS_A_MINUTE

    def refused(self, address: str) -> None:
        """One more CONNECT from the address proved nothing."""
        if address not in self._refused and len(self._refused) >= ADDRESSES_MAX:
            self._forget()
        self._refused.setdefault(address, deque(maxlen=settings.REALTIME_REFUSALS_A_MINUTE)).append(time.monotonic())

    def _recent(self, address: str) -> deque[float]:
        times = self._refused.get(address, deque())
        while times and times[0] < time.monotonic() - WITHIN_S:
            times.popleft()
        return times

    def _forget(self) -> None:
        """Who has been quiet for a minute is forgotten; if all are busy, all are, rather than memory without end."""
        self._refused = {address: times for address, times in self._refused.items() if self._recent(address)}
        if len(self._refused) >= ADDRESSES_MAX:
            self._refused.clear()


knocks = Knocks()
