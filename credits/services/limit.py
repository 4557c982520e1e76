"""Spend limits of API keys: a budget of credits a day and in total, obeyed by every spend and hold."""

from __future__ import annotations

from typing import Any

from credits.models import SpendLimit


def spend_limit_set(*, api_key_id: int, day_credits: int | None, total_credits: int | None) -> None:
    """The key's budget is this from now on; None: not limited in that way. What was counted stays counted."""
    budget = {"day_credits": day_credits, "total_credits": total_credits}
    SpendLimit.objects.update_or_create(api_key_id=api_key_id, defaults=budget)


def key_limit_set(*, user_id: int, number: int, payload: dict[str, Any]) -> None:
    """Reaction to `apikey.created`: a key that was made with a budget has a spend limit."""
    day, total = payload.get("budget_day_credits"), payload.get("budget_total_credits")
    if day is not None or total is not None:
        spend_limit_set(api_key_id=payload["api_key_id"], day_credits=day, total_credits=total)
