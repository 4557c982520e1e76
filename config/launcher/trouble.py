"""What the launcher says when it cannot go on."""

from __future__ import annotations


class Trouble(Exception):
    """The launcher cannot go on; the text is the one line that its user reads."""
