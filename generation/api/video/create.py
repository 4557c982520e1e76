"""POST /api/videos/{text-to-video, image-to-video, animate-move, animate-mix} (000 §3.1–3.2, 001 §2.1–2.4)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from accounts.services.authentication import access_claims
from config.contracts.video.errors import json_response
from config.contracts.video.schema import answers
from config.contracts.video.views import VideoView, credentials_of, is_personal_key
from config.kernel import limits
from config.kernel.errors import DomainError
from credits.exceptions import InsufficientCredits
from generation.api.video import serializers as shapes
from generation.services.task_create import CreatedTask, IdempotencyKey, task_create, task_order

PER_MINUTE = 600


class CreateView(VideoView):
    """One kind's creation: parse, call the one service, render."""

    caller = "user+key"
    proves_later = True
    scope = "generation"
    kind: ClassVar[str]
    alias: ClassVar[str]
    input: ClassVar[type[serializers.Serializer[Any]]]

    def create(self, request: HttpRequest) -> HttpResponse:
        token, key = credentials_of(request)
        try:
            params = self.validated(self.input)
            named = self.idempotency_key()
        except DomainError:
            self.caller_proved(request)  # who asks is answered before what they ask
            raise
        webhook_url = params.pop("webhook_url", None) or ""
        try:
            created = self._ordered(token, key, params, webhook_url, IdempotencyKey(*named) if named else None)
        except InsufficientCredits as error:
            if "quality" not in params:
                raise
            raise InsufficientCredits(**{**error.params, "note": f" ({params['quality']} quality)"}) from error
        return json_response(self.rendered(created), 200, {"Idempotent-Replayed": "true"} if created.replayed else None)

    def _ordered(self, token: str, key: str | None, params: dict[str, Any], webhook_url: str, named: IdempotencyKey | None) -> CreatedTask:
        """A session's order proves its caller and creates in one statement; a personal key's asks first, for its scopes."""
        order: dict[str, Any] = {"kind": self.kind, "offer": f"video/{self.kind}", "alias": self.alias, "params": params}
        order |= {"webhook_url": webhook_url, "idempotency": named}
        if key is None or is_personal_key(token):
            self.caller_proved(self.request)
            limits.take("video.create", str(self.principal.user_id), PER_MINUTE, 60)
            return task_create(principal=self.principal, **order)
        limits.take("video.create", str(access_claims(token).user_id), PER_MINUTE, 60)
        try:
            return task_order(access_token=token, api_key=key, **order)
        except DomainError:
            self.caller_proved(self.request)
            raise

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
