"""What the protocol's own test suite talks to. In debug mode only: strangers' echoes have no place on a platform.

Source: the services that the suite's first page asks for.
"""

from __future__ import annotations

from accounts.realtime.outbox import GOING_AWAY, Outbox
from accounts.realtime.sockjs.endpoint import Endpoint

CLIENT_URL = "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js"
LIMIT_BYTES = 4096


class Echo:
    """Says what it hears."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        self._outbox = outbox

    async def hear(self, text: str) -> None:
        """The client gets its text back."""
        self._outbox.put(text)

    async def stop(self) -> None:
        """Nothing is left behind."""


class Close(Echo):
    """Ends at once."""

    def __init__(self, outbox: Outbox, address: str) -> None:
        super().__init__(outbox, address)
        outbox.close(*GOING_AWAY)


def endpoints() -> list[Endpoint]:
    """The suite's services: small responses, so that it sees them end."""
    return [
        Endpoint("/echo", Echo, response_limit_bytes=LIMIT_BYTES, client_url=CLIENT_URL),
        Endpoint("/disabled_websocket_echo", Echo, has_websocket=False, response_limit_bytes=LIMIT_BYTES),
        Endpoint("/cookie_needed_echo", Echo, needs_cookie=True, response_limit_bytes=LIMIT_BYTES),
        Endpoint("/close", Close, response_limit_bytes=LIMIT_BYTES),
    ]
