"""POST /api/videos/{text-to-video, image-to-video, animate-move, animate-mix} (000 §3.1–3.2, 001 §2.1–2.4)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from config.contracts.video.errors import json_response
from config.contracts.video.schema import answers
from config.contracts.video.views import VideoView
from config.kernel import limits
from credits.exceptions import InsufficientCredits
from generation.api.video import serializers as shapes
from generation.services.task_create import CreatedTask, IdempotencyKey, task_create

PER_MINUTE = 600


class CreateView(VideoView):
    """One kind's creation: parse, call the one service, render."""

    caller = "user+key"
    scope = "generation"
    kind: ClassVar[str]
    alias: ClassVar[str]
    input: ClassVar[type[serializers.Serializer[Any]]]

    def create(self, request: HttpRequest) -> HttpResponse:
        limits.take("video.create", str(self.principal.user_id), PER_MINUTE, 60)
        params = self.validated(self.input)
        webhook_url = params.pop("webhook_url", None) or ""
        named = self.idempotency_key()
        try:
            created = task_create(
                principal=self.principal,
                kind=self.kind,
                offer=f"video/{self.kind}",
                alias=self.alias,
                params=params,
                webhook_url=webhook_url,
                idempotency=IdempotencyKey(*named) if named else None,
            )
        except InsufficientCredits as error:
            if "quality" not in params:
                raise
            raise InsufficientCredits(**{**error.params, "note": f" ({params['quality']} quality)"}) from error
        return json_response(self.rendered(created), 200, {"Idempotent-Replayed": "true"} if created.replayed else None)

    def rendered(self, created: CreatedTask) -> dict[str, Any]:
        """The answer in the contract's words."""
        return {
            "success": True,
            "task_id": str(created.uuid),
            "message": f"{self.kind.capitalize()} task created successfully. Credits deducted.",
            "credits_estimated": created.cost_credits,
            "estimated_time": created.estimate_s,
        }


class TextToVideoView(CreateView):
    kind, alias, input = "text-to-video", "sora2", shapes.TextToVideoInput

    @extend_schema(request=shapes.TextToVideoInput, responses=answers(shapes.CreatedOutput, 400, 401, 402, 403, 409))
    def post(self, request: HttpRequest) -> HttpResponse:
        """Order a video from a text."""
        return self.create(request)


class ImageToVideoView(CreateView):
    kind, alias, input = "image-to-video", "sora2", shapes.ImageToVideoInput

    @extend_schema(request=shapes.ImageToVideoInput, responses=answers(shapes.CreatedOutput, 400, 401, 402, 403, 404, 409))
    def post(self, request: HttpRequest) -> HttpResponse:
        """Order a video from images and a description of the motion."""
        return self.create(request)


class AnimateView(CreateView):
    alias, input = "wan2.2-animate", shapes.AnimateInput

    def rendered(self, created: CreatedTask) -> dict[str, Any]:
        return {
            "success": True,
            "task_id": str(created.uuid),
            "message": f"{self.kind.capitalize()} task created successfully. Credits reserved until the video is done.",
            "estimated_time": created.estimate_s,
        }


class AnimateMoveView(AnimateView):
    kind = "animate-move"

    @extend_schema(request=shapes.AnimateInput, responses=answers(shapes.AnimateOutput, 400, 401, 402, 403, 404, 409))
    def post(self, request: HttpRequest) -> HttpResponse:
        """Move the person of an image as the video moves."""
        return self.create(request)


class AnimateMixView(AnimateView):
    kind = "animate-mix"

    @extend_schema(request=shapes.AnimateInput, responses=answers(shapes.AnimateOutput, 400, 401, 402, 403, 404, 409))
    def post(self, request: HttpRequest) -> HttpResponse:
        """Put the person of an image into the video."""
        return self.create(request)
