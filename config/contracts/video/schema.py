"""How the contract describes itself: shared output shapes and error answers for drf-spectacular."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, inline_serializer
from rest_framework import serializers

DETAIL = inline_serializer("ErrorDetail", {"detail": serializers.CharField()})


class FaultSerializer(serializers.Serializer[Any]):
    """One fault of the input."""

    loc = serializers.ListField(child=serializers.JSONField())
    msg = serializers.CharField()
    type = serializers.CharField()


FAULTS = inline_serializer("ValidationErrors", {"detail": FaultSerializer(many=True)})
REASONS = {
    400: "Refused",
    401: "Not signed in, or the token or key is not valid",
    402: "Not enough credits",
    403: "Not allowed",
    404: "Not found",
    405: "Wrong method",
    409: "The Idempotency-Key was used for something else, or its first request still runs",
    413: "The body is too large",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available now",
}
EVERYWHERE = (405, 413, 429, 500, 503)


def answers(success: Any, *statuses: int, validated: bool = True) -> dict[int, Any]:
    """The answers of one endpoint: 200 with `success`, the named errors, and those every endpoint may give."""
    table: dict[int, Any] = {200: success}
    for status in sorted({*statuses, *EVERYWHERE}):
        table[status] = OpenApiResponse(DETAIL, description=REASONS[status])
    if validated:
        table[422] = OpenApiResponse(FAULTS, description="The input is not valid")
    return table
