"""The room's tables."""

from accounts.models.event import (
    Event,
    EventHead,
    Installation,
    Outbox,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from accounts.models.identity import ErasedIdentity, Identity, MailToken, SecondFactor, SmsCode
from accounts.models.session import ApiKey, Idempotency, Session
from accounts.models.user import User

__all__ = [
    "ApiKey",
    "ErasedIdentity",
    "Event",
    "EventHead",
    "Idempotency",
    "Identity",
    "Installation",
    "MailToken",
    "Outbox",
    "SecondFactor",
    "Session",
    "SmsCode",
    "User",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
]
