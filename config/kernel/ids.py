"""Identifiers and unguessable strings."""

from __future__ import annotations

import hashlib
import secrets
import uuid


def public_uuid() -> uuid.UUID:
    """A random (v4) UUID for what the public sees: it tells neither order nor time."""
    return uuid.uuid4()


def parse_uuid(text: str) -> uuid.UUID | None:
    """The UUID in its canonical spelling, or None for anything else a client may have sent."""
    try:
        found = uuid.UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
    return found if str(found) == text.lower() else None


def request_id(told: str) -> str:
    """What a request is called in its answer: `told` by the client if that is a UUID, else a new one."""
    return str(parse_uuid(told) or public_uuid())


def secret_token(prefix: str = "", size_bytes: int = 32) -> str:
    """A new unguessable string, URL-safe, after `prefix`."""
    return prefix + secrets.token_urlsafe(size_bytes)


def digest(secret: str) -> bytes:
    """SHA-256 of a high-entropy secret: what is stored of a key or token (never of a password)."""
    return hashlib.sha256(secret.encode()).digest()
