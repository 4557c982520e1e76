"""Users' webhooks: a delivery row of exact bytes, signed and sent by a worker, retried for 24 hours. Real time throughout."""

from __future__ import annotations

import datetime as dt
import logging
import time
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from standardwebhooks import Webhook

from accounts.dispatch import webhooks_wake
from accounts.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from accounts.services.event import event_append
from accounts.services.token import real
from config.kernel import clock, outbound
from config.kernel.errors import Conflict, DomainError, NotFound

logger = logging.getLogger(__name__)

LIFE = dt.timedelta(hours=24)
BACKOFF_S = (5, 300, 1800, 7200, 18_000, 36_000)
"""Seconds after the first, second … failure; after the last of them one more try comes at the end of the 24 hours."""
LEASE = dt.timedelta(seconds=60)
TIMEOUT_S = 20.0
DAY = dt.timedelta(hours=24)
GONE = 410


def delivery_create(
    *,
    user_id: int,
    api_key_id: int | None,
    url: str,
    event_kind: str,
    reference: str,
    body: bytes,
    at: dt.datetime | None = None,
) -> WebhookDelivery | None:
    """A delivery of `body` to `url` waits, in the caller's transaction; once for (address, kind, reference).

    None when it waits already, or when the address was disabled. A worker is woken after commit. `at`: real time.
    """
    now = real(at)
    endpoint, _ = WebhookEndpoint.objects.get_or_create(user_id=user_id, url=url)
    if endpoint.disabled_at is not None:
        return None
    delivery, created = WebhookDelivery.objects.get_or_create(
        endpoint=endpoint,
        event_kind=event_kind,
        reference=reference,
        defaults={"api_key_id": api_key_id, "body": body, "created_at": now, "expires_at": now + LIFE, "next_try_at": now},
    )
    if created:
        webhooks_wake()
    return delivery if created else None


def delivery_send_due(limit: int = 20, *, at: dt.datetime | None = None) -> int:
    """Up to `limit` due deliveries were tried, each under a lease and outside any transaction; returns how many."""
    tried = 0
    while tried < limit:
        delivery = _claim(Q(state=WebhookDelivery.State.PENDING, next_try_at__lte=real(at)), real(at))
        if delivery is None:
            break
        _try(delivery, real(at), is_replay=False)
        tried += 1
    return tried


def delivery_replay(*, user_id: int, delivery_id: UUID, at: dt.datetime | None = None) -> WebhookAttempt:
    """The user's delivery is sent once more, now, with the same id and bytes, whatever its state; the attempt is kept.

    An address that takes it works again from now on. Raises NotFound for another's, Conflict while it is being sent.
    """
    now = real(at)
    mine = Q(pk=delivery_id, endpoint__user_id=user_id)
    delivery = _claim(mine, now)
    if delivery is None:
        if WebhookDelivery.objects.filter(mine).exists():
            raise Conflict()
        raise NotFound()
    return _try(delivery, now, is_replay=True)


def _claim(which: Q, now: dt.datetime) -> WebhookDelivery | None:
    """One delivery nobody sends right now, leased to us; None if there is none."""
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
    with transaction.atomic():
        found = WebhookDelivery.objects.filter(which & free).select_related("endpoint", "api_key")
        delivery = found.select_for_update(skip_locked=True, of=("self",)).order_by("next_try_at").first()
        if delivery is not None:
            delivery.leased_until = now + LEASE
            delivery.save(update_fields=["leased_until"])
    return delivery


def _try(delivery: WebhookDelivery, now: dt.datetime, *, is_replay: bool) -> WebhookAttempt:
    """The bytes were sent, the attempt is written down, and the delivery and its address know what came of it."""
    began = time.monotonic()
    status, error = _send(delivery)
    duration_ms = int((time.monotonic() - began) * 1000)
    with transaction.atomic():
        attempt = WebhookAttempt.objects.create(
            delivery=delivery, at=now, status_code=status, error=error[:200], duration_ms=duration_ms, is_replay=is_replay
        )
        if status is not None and 200 <= status < 300:
            _settle(delivery, state=WebhookDelivery.State.DELIVERED, next_try_at=None)
            WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(failing_since=None, disabled_at=None, disabled_reason="")
        elif is_replay:
            _settle(delivery, state=delivery.state, next_try_at=delivery.next_try_at)
        else:
            _failed(delivery, status, now)
    return attempt


def _send(delivery: WebhookDelivery) -> tuple[int | None, str]:
    """The answer's status, or None and why there was none."""
    body, at = bytes(delivery.body), clock.real_now()
    try:
        answer = outbound.post(delivery.endpoint.url, body, headers_of(delivery, body, at), timeout_s=TIMEOUT_S)
    except DomainError as error:
        return None, error.message
    except Exception as error:
        logger.exception("delivery %s could not be sent", delivery.pk)
        return None, type(error).__name__
    return answer.status, ""


def headers_of(delivery: WebhookDelivery, body: bytes, at: dt.datetime) -> dict[str, str]:
    """The headers of the Standard Webhooks scheme for exactly these bytes; unsigned where the key is gone.

    The id is the delivery's, the same on every try. Source: upstreams/commerce_and_identity.md §8.
    """
    headers = {"content-type": "application/json", "webhook-id": f"msg_{delivery.pk.hex}", "webhook-timestamp": str(int(at.timestamp()))}
    secret = delivery.api_key.webhook_secret if delivery.api_key else ""
    if secret:
        headers["webhook-signature"] = Webhook(secret).sign(headers["webhook-id"], at, body.decode())
    return headers


def _settle(delivery: WebhookDelivery, *, state: str, next_try_at: dt.datetime | None) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=state, next_try_at=next_try_at, leased_until=None, tries=F("tries") + 1)


def _failed(delivery: WebhookDelivery, status: int | None, now: dt.datetime) -> None:
    """The next try is set, or the delivery is over; an address that is gone or failed for a day is disabled."""
    following = None if status == GONE else _next_try(delivery, now)
    state = WebhookDelivery.State.FAILED if following is None else WebhookDelivery.State.PENDING
    _settle(delivery, state=state, next_try_at=following)
    WebhookEndpoint.objects.filter(pk=delivery.endpoint_id, failing_since__isnull=True).update(failing_since=now)
    if status == GONE:
        _disable(delivery.endpoint, "gone", now)
    elif WebhookEndpoint.objects.filter(pk=delivery.endpoint_id, failing_since__lte=now - DAY).exists():
        _disable(delivery.endpoint, "failing for a day", now)


def _next_try(delivery: WebhookDelivery, now: dt.datetime) -> dt.datetime | None:
    """When to try again: by the back-off, the last time at the end of the delivery's life; None after that."""
    if now >= delivery.expires_at:
        return None
    if delivery.tries >= len(BACKOFF_S):
        return delivery.expires_at
    return min(now + dt.timedelta(seconds=BACKOFF_S[delivery.tries]), delivery.expires_at)


def _disable(endpoint: WebhookEndpoint, reason: str, now: dt.datetime) -> None:
    """The address gets nothing more; what waits for it has failed; the user has the event `webhook.disabled`."""
    if not WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=True).update(disabled_at=now, disabled_reason=reason):
        return
    WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookDelivery.State.PENDING).update(
        state=WebhookDelivery.State.FAILED, next_try_at=None
    )
    event_append(user_id=endpoint.user_id, kind="webhook.disabled", payload={"url": endpoint.url, "reason": reason})
