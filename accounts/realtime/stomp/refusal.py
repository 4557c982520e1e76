"""How conversations end when somebody breaks the rules."""

from __future__ import annotations

REFUSED = (1008, "Refused")
BROKEN = (1002, "Protocol error")


class Refused(Exception):
    """The conversation ends: an ERROR frame with this text (no colon, backslash or line end), then the close."""

    def __init__(self, text: str, closing: tuple[int, str] = BROKEN) -> None:
        super().__init__(text)
        self.closing = closing
