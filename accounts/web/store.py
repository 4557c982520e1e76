"""Where Django keeps what it knows of a browser: its own table, asked for keys of its own kind only."""

from __future__ import annotations

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    """Django's store in the database. A cookie may say anything, and PostgreSQL refuses a statement with a NUL in it."""

    def _validate_session_key(self, key: str | None) -> bool:
        """True for what Django may have made: letters and digits. Anything else is no session, as a forgotten one is none."""
        return key is not None and key.isascii() and key.isalnum() and len(key) >= 8
