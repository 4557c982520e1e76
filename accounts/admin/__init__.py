"""The console's view of accounts. Secrets are never shown; logs are read-only; actions call services."""

from accounts.admin import console, event, identity, session, user, webhook

__all__ = ["console", "event", "identity", "session", "user", "webhook"]
