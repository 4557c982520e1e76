"""Reads of API keys, from their owner's side; no secret is among them."""

from __future__ import annotations

from accounts.models import ApiKey


def api_keys_of(user_id: int) -> list[ApiKey]:
    """The user's keys, revoked ones too, the newest first; digest and webhook secret are not loaded."""
    return list(ApiKey.objects.filter(user_id=user_id).defer("digest", "webhook_secret").order_by("-id"))
