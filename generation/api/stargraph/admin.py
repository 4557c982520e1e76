"""GET admin/{queue, engines}: left out of the document, designed in its style (contracts/README.md); for operators."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from config.contracts.shared_v1.times import local
from config.contracts.stargraph.schema import answers
from config.contracts.stargraph.views import StargraphView
from generation.api.stargraph import words
from generation.selectors.engine_stats import engine_stats
from generation.selectors.overview import EngineOverview, engines_overview, queue_by_kind


class QueuedOutput(serializers.Serializer[Any]):
    kind = serializers.CharField()
    type = serializers.CharField()
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()
    oldestWaitingTime = serializers.IntegerField(help_text="Seconds.")
    estimatedTime = serializers.IntegerField(help_text="Seconds that such a task usually takes once it has begun.")


class QueueOutput(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()
    running = serializers.IntegerField()
    oldestWaitingTime = serializers.IntegerField(help_text="Seconds; 0 when nothing waits.")
    limit = serializers.IntegerField(help_text="Waiting tasks from which on E003 is answered; 0: none.")
    userRunningLimit = serializers.IntegerField(help_text="Tasks of one user that run at once; 0: no limit.")
    kinds = QueuedOutput(many=True)


class EngineModelOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField()
    attempts = serializers.IntegerField()
    successRate = serializers.FloatField()
    medianTime = serializers.FloatField(allow_null=True, help_text="Seconds.")
    p95Time = serializers.FloatField(allow_null=True, help_text="Seconds.")


class EngineOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    adapter = serializers.CharField()
    enabled = serializers.BooleanField()
    available = serializers.BooleanField(help_text="Enabled, and not taken out by failures.")
    brokenUntil = serializers.CharField(allow_null=True, help_text="UTC+8, without zone")
    running = serializers.IntegerField()
    concurrency = serializers.IntegerField()
    attempts = serializers.IntegerField(help_text="Of the last 24 hours.")
    successRate = serializers.FloatField(allow_null=True, help_text="0 to 1, of the last 24 hours.")
    medianTime = serializers.FloatField(allow_null=True, help_text="Seconds.")
    models = EngineModelOutput(many=True)


class QueueView(StargraphView):
    """`GET admin/queue`."""

    operators_only = True

    @extend_schema(summary="The queue over all users, for operators", responses=answers("Queue", QueueOutput(), 401, 403))
    def get(self, request: HttpRequest) -> HttpResponse:
        kinds, is_limited = queue_by_kind(), settings.RATE_LIMITS
        data = {
            "waiting": sum(each.waiting for each in kinds),
            "running": sum(each.running for each in kinds),
            "oldestWaitingTime": max(each.oldest_s for each in kinds),
            "limit": settings.QUEUE_LIMIT if is_limited else 0,
            "userRunningLimit": settings.USER_RUNNING_LIMIT if is_limited else 0,
            "kinds": [
                {
                    "kind": each.kind,
                    "type": words.type_of(each.kind),
                    "waiting": each.waiting,
                    "running": each.running,
                    "oldestWaitingTime": each.oldest_s,
                    "estimatedTime": each.estimate_s,
                }
                for each in kinds
            ],
        }
        return self.success("success", data)


class EnginesView(StargraphView):
    """`GET admin/engines`."""

    operators_only = True

    @extend_schema(
        summary="Engines, their load and their last day, for operators", responses=answers("Engines", EngineOutput(many=True), 401, 403)
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        models: dict[str, list[dict[str, Any]]] = {}
        for row in engine_stats():
            models.setdefault(row.engine, []).append(
                {
                    "name": row.alias,
                    "type": words.type_of(row.kind),
                    "attempts": row.attempts,
                    "successRate": round(row.success_rate, 4),
                    "medianTime": _rounded(row.median_s),
                    "p95Time": _rounded(row.p95_s),
                }
            )
        return self.success("success", [_engine(each, models.get(each.name, [])) for each in engines_overview()])


def _engine(engine: EngineOverview, models: list[dict[str, Any]]) -> dict[str, Any]:
    """An engine in the document's manner: no address, no key."""
    return {
        "name": engine.name,
        "adapter": engine.adapter,
        "enabled": engine.is_enabled,
        "available": engine.is_available,
        "brokenUntil": local(engine.broken_until),
        "running": engine.running,
        "concurrency": engine.concurrency,
        "attempts": engine.attempts,
        "successRate": None if engine.success_rate is None else round(engine.success_rate, 4),
        "medianTime": _rounded(engine.median_s),
        "models": models,
    }


def _rounded(seconds: Any) -> float | None:
    return None if seconds is None else round(float(seconds), 2)
