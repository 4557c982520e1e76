"""GET resources/{models, samplers, schedulers}: left out of the document, designed in its style (contracts/README.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from config.contracts.stargraph.schema import answers
from config.contracts.stargraph.views import StargraphView
from generation.api.stargraph import words
from generation.selectors.offered import models_offered

NAMED = [words.TYPES[kind] for kind in words.KINDS]


class ChoiceOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    isDefault = serializers.BooleanField()


class ModelOutput(ChoiceOutput):
    type = serializers.ChoiceField(choices=NAMED)
    available = serializers.BooleanField(help_text="Whether an engine takes it now.")


class ModelsView(StargraphView):
    """`GET resources/models`."""

    scope = "generation"

    @extend_schema(
        summary="The models that can be named",
        parameters=[OpenApiParameter("type", str, enum=NAMED)],
        responses=answers("Models", ModelOutput(many=True), 400, 401, 403),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        type = self.chosen("type", NAMED)
        kinds = [kind for kind in words.KINDS if not type or words.TYPES[kind] == type]
        models = [
            {
                "name": model.alias,
                "type": words.TYPES[model.kind],
                "isDefault": model.alias == words.MODELS[model.kind],
                "available": model.is_live,
            }
            for model in models_offered(kinds)
        ]
        return self.success("success", models)


def _choices(names: Sequence[str]) -> list[dict[str, Any]]:
    """Names with the first as the default."""
    return [{"name": name, "isDefault": name == names[0]} for name in names]


class SamplersView(StargraphView):
    """`GET resources/samplers`."""

    scope = "generation"

    @extend_schema(summary="The samplers", responses=answers("Samplers", ChoiceOutput(many=True), 401, 403))
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.success("success", _choices(words.SAMPLERS))


class SchedulersView(StargraphView):
    """`GET resources/schedulers`."""

    scope = "generation"

    @extend_schema(summary="The schedulers", responses=answers("Schedulers", ChoiceOutput(many=True), 401, 403))
    def get(self, request: HttpRequest) -> HttpResponse:
        return self.success("success", _choices(words.SCHEDULERS))
