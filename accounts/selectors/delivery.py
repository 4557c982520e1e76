"""Reads of webhook deliveries, from their owner's side."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Prefetch, Q

from accounts.models import WebhookAttempt, WebhookDelivery


def deliveries_page(*, user_id: int, before: UUID | None = None, limit: int = 20) -> list[WebhookDelivery]:
    """The user's deliveries before the delivery `before` (None: the newest), newest first, with address and tries."""
    mine = WebhookDelivery.objects.filter(endpoint__user_id=user_id).select_related("endpoint")
    last = mine.filter(pk=before).first() if before else None
    if last is not None:
        mine = mine.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk))
    tries = Prefetch("attempts", WebhookAttempt.objects.order_by("-at"))
    return list(mine.prefetch_related(tries).order_by("-created_at", "-pk")[:limit])
