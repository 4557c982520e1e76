"""Health: what a balancer, an orchestrator and the launcher ask."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.kernel.redis import client


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _cache() -> None:
    client().ping()


CHECKS: dict[str, Callable[[], None]] = {"database": _database, "cache": _cache}


@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when this process can serve requests, 503 with the silent part's name otherwise."""
    found = {name: _answers(check) for name, check in CHECKS.items()}
    return JsonResponse(
        {"ready": all(found.values()), **{name: "ok" if fine else "down" for name, fine in found.items()}},
        status=200 if all(found.values()) else 503,
    )


@never_cache
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers at all; nothing else is asked."""
    return JsonResponse({"alive": True})


def _answers(check: Callable[[], None]) -> bool:
    try:
        check()
    except (DatabaseError, redis.RedisError):
        return False
    return True
