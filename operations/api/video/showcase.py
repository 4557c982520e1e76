"""`GET /api/showcase/videos` and one of them."""

from __future__ import annotations

import math
from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from config.contracts.video.schema import answers
from config.contracts.video.views import VideoView
from config.kernel.clock import iso_z
from config.kernel.errors import FieldError, InvalidInput
from generation.services.link import link_of
from operations.models import ShowcaseVideo
from operations.selectors.showcase import showcase_page
from operations.services.showcase import showcase_view

PAGE_SIZE = 12
PAGE = OpenApiParameter("page", int, description="From 1")
SIZE = OpenApiParameter("page_size", int, description="1 to 100, 12 by default")


class ShowcaseVideoOutput(serializers.Serializer[Any]):
    """One video on show; `duration` in whole seconds."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    description = serializers.CharField()
    video_url = serializers.CharField()
    thumbnail_url = serializers.CharField(allow_null=True)
    duration = serializers.IntegerField()
    view_count = serializers.IntegerField()
    tags = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    display_order = serializers.IntegerField()
    is_active = serializers.BooleanField()


class ShowcaseOutput(serializers.Serializer[Any]):
    """A page of videos."""

    total = serializers.IntegerField()
    page = serializers.IntegerField()
    page_size = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    videos = ShowcaseVideoOutput(many=True)


class ShowcaseView(VideoView):
    """`GET /api/showcase/videos` (000 §6.1)."""

    caller = "none"

    @extend_schema(
        operation_id="showcase_videos_list",
        summary="The showcase",
        parameters=[PAGE, SIZE],
        responses=answers(ShowcaseOutput),
        auth=[],
    )
    def get(self, request: HttpRequest) -> Response:
        page, page_size = self.page(PAGE_SIZE)
        found = showcase_page(page=page, page_size=page_size)
        return Response(
            {
                "total": found.total,
                "page": page,
                "page_size": page_size,
                "total_pages": math.ceil(found.total / page_size),
                "videos": [rendered(video) for video in found.videos],
            }
        )


class ShowcaseVideoView(VideoView):
    """`GET /api/showcase/videos/{video_id}` (000 §6.2): looking counts."""

    caller = "none"

    @extend_schema(
        summary="One video on show",
        parameters=[OpenApiParameter("video_id", int, OpenApiParameter.PATH)],
        responses=answers(ShowcaseVideoOutput, 404),
        auth=[],
    )
    def get(self, request: HttpRequest, video_id: str) -> Response:
        if not (video_id.isascii() and video_id.isdigit() and len(video_id) < 18):
            raise InvalidInput(FieldError(("path", "video_id"), "value is not a valid integer", "type_error.integer"))
        return Response(rendered(showcase_view(video_id=int(video_id))))


def rendered(video: ShowcaseVideo) -> dict[str, Any]:
    """A video on show in the contract's words."""
    poster = video.video.thumbnail
    return {
        "id": video.pk,
        "title": video.title,
        "description": video.description,
        "video_url": link_of(video.video),
        "thumbnail_url": link_of(poster) if poster else None,
        "duration": round((video.video.duration_ms or 0) / 1000),
        "view_count": video.view_count,
        "tags": video.tags,
        "created_at": iso_z(video.created_at),
        "display_order": video.display_order,
        "is_active": video.is_active,
    }
