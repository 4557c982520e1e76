"""Reads of webhook deliveries, from their owner's side."""

from __future__ import annotations

from uuid import UUID

from accounts.models import WebhookDelivery, WebhookEndpoint


def deliveries_of(user_id: int, *, limit: int = 50, reference: str | None = None) -> list[WebhookDelivery]:
    """The user's newest deliveries (about `reference`, e.g. a task's UUID) with address and attempts, in two statements."""
    found = WebhookDelivery.objects.filter(endpoint__user_id=user_id)
    if reference is not None:
        found = found.filter(reference=reference)
    return list(found.select_related("endpoint").prefetch_related("attempts").order_by("-created_at", "-id")[:limit])


def delivery_of(user_id: int, delivery_id: UUID) -> WebhookDelivery | None:
    """The user's delivery with its attempts, or None for another's."""
    found = WebhookDelivery.objects.filter(pk=delivery_id, endpoint__user_id=user_id)
    return found.select_related("endpoint").prefetch_related("attempts").first()


def endpoints_of(user_id: int) -> list[WebhookEndpoint]:
    """The addresses the user's webhooks went to, disabled ones too."""
    return list(WebhookEndpoint.objects.filter(user_id=user_id).order_by("-id"))
