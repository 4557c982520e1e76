"""How the contract describes itself: the envelope around each answer, for drf-spectacular."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

ERROR = inline_serializer(
    "ErrorEnvelope",
    {"code": serializers.IntegerField(), "message": serializers.CharField(), "data": serializers.DictField(allow_null=True)},
)
REASONS = {
    400: "Refused, or the input is not valid (2400)",
    401: "Not signed in (1001), or the token has expired (1002)",
    402: "Not enough credits (2001)",
    403: "Not allowed (2002), or banned (1004)",
    404: "Not found",
    405: "Wrong method (2405)",
    409: "The Idempotency-Key was used for something else, or its first request still runs (2409)",
    413: "The body is too large (2400)",
    429: "Too many requests (2429)",
    500: "System error (5001)",
    503: "Not available now (4002, 5002, 5003)",
}
EVERYWHERE = (405, 413, 429, 500, 503)
CURSOR = OpenApiParameter("cursor", str, description="`next_cursor` of the page before.")
LIMIT = OpenApiParameter("limit", int, description="1 to 100, default 20.")
REPEAT = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="1 to 255 characters: the same again answers the same."
)


def answers(name: str, data: Any, *statuses: int) -> dict[int, Any]:
    """The answers of one endpoint: 200 with `data` in the envelope, the named errors, and those every endpoint may give."""
    envelope = inline_serializer(
        f"{name}Envelope", {"code": serializers.ChoiceField(choices=[0]), "message": serializers.CharField(), "data": data}
    )
    table: dict[int, Any] = {200: envelope}
    for status in sorted({*statuses, *EVERYWHERE}):
        table[status] = OpenApiResponse(ERROR, description=REASONS[status])
    return table


def gateway_answers() -> dict[int, Any]:
    """The answers to a gateway's notice: 200 in its own words, refusals in the envelope."""
    words = OpenApiResponse(dict[str, Any], description="In the gateway's words")
    return {200: words, **{status: OpenApiResponse(ERROR, description=REASONS[status]) for status in (400, 403, *EVERYWHERE)}}


def page(name: str, item: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """One page of a list with its cursor."""
    return inline_serializer(
        f"{name}Page",
        {"items": item(many=True), "next_cursor": serializers.CharField(allow_null=True), "has_more": serializers.BooleanField()},
    )
