"""POST generate/{text2img, img2img, upscale, pose, text2video, img2video} (002 §5, §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from config.contracts.shared_v1.views import json_object
from config.contracts.stargraph.schema import REPEAT, answers
from config.contracts.stargraph.views import StargraphView, body_take
from config.kernel.errors import RequestTooLarge
from generation.api.stargraph import inputs
from generation.api.stargraph.images import encoded_length
from generation.api.stargraph.orders import FORMS, key_of_task, order
from generation.exceptions_media import FileTooLarge
from generation.kinds import IMAGE_LIMIT_BYTES

BODY_LIMIT_BYTES = encoded_length(IMAGE_LIMIT_BYTES) + 64 * 1024
"""The largest image in Base64, and the rest of its order."""
Decorator = Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]


class CreatedOutput(serializers.Serializer[Any]):
    taskId = serializers.CharField()
    queuePosition = serializers.IntegerField(help_text="From 1; 0: it has begun.")
    estimatedTime = serializers.IntegerField(help_text="Seconds.")
    cost = serializers.IntegerField()
    clientId = serializers.CharField(required=False)


class CreatedVideoOutput(CreatedOutput):
    duration = serializers.IntegerField(help_text="Seconds.")
    fps = serializers.IntegerField()
    totalFrames = serializers.IntegerField()


class GenerateView(StargraphView):
    """One kind's creation: the body goes to the one place that understands orders."""

    scope = "generation"
    kind: ClassVar[str]
    message: ClassVar[str] = "任务创建成功"

    def create(self, request: HttpRequest) -> HttpResponse:
        """The answer with the task that the body asks for, once for each `Idempotency-Key`."""
        if FORMS[self.kind].image:
            try:
                body_take(request, BODY_LIMIT_BYTES)
            except RequestTooLarge as error:
                raise FileTooLarge(limit_mb=IMAGE_LIMIT_BYTES // 1024**2) from error
        return self.idempotent(lambda: self.success(self.message, self._ordered(request)))

    def _ordered(self, request: HttpRequest) -> dict[str, Any]:
        return order(principal=self.principal, kind=self.kind, body=json_object(request), idempotency=key_of_task(request))


def _described(name: str, input: type[serializers.Serializer[Any]], output: serializers.Serializer[Any], summary: str) -> Decorator:
    responses = answers(name, output, 400, 401, 403, 404, 409)
    decorator: Decorator = extend_schema(summary=summary, request=input, parameters=[REPEAT], responses=responses)
    return decorator


class Text2ImgView(GenerateView):
    kind = "text2img"

    @_described("Text2Img", inputs.Text2ImgInput, CreatedOutput(), "Order images from a text")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class Img2ImgView(GenerateView):
    kind = "img2img"

    @_described("Img2Img", inputs.Img2ImgInput, CreatedOutput(), "Order images from an image and a text")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class UpscaleView(GenerateView):
    kind = "upscale"

    @_described("Upscale", inputs.UpscaleInput, CreatedOutput(), "Order an image twice or four times as large")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class PoseView(GenerateView):
    kind = "pose"

    @_described("Pose", inputs.PoseInput, CreatedOutput(), "Order images in the pose of an image")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class Text2VideoView(GenerateView):
    kind, message = "text2video", "文生视频任务已提交"

    @_described("Text2Video", inputs.Text2VideoInput, CreatedVideoOutput(), "Order a short video from a text")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class Img2VideoView(GenerateView):
    kind, message = "img2video", "图生视频任务已提交"

    @_described("Img2Video", inputs.Img2VideoInput, CreatedVideoOutput(), "Order a short video from an image")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)
