"""POST generate/{text2img, img2img, upscale, pose, text2video, img2video} (002 §5, §6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from config.contracts.body import body_of
from config.contracts.idempotency import named
from config.contracts.stargraph.schema import REPEAT, answers
from config.contracts.stargraph.views import StargraphView, body_take
from config.kernel.errors import InvalidInput, RequestTooLarge
from generation.api.stargraph import inputs
from generation.api.stargraph.images import encoded_length, image_file
from generation.api.stargraph.inputs import snake
from generation.exceptions_media import FileTooLarge
from generation.kinds import IMAGE_LIMIT_BYTES
from generation.models import Task
from generation.selectors.named import name_of
from generation.selectors.queue import queue_position
from generation.services.link import link_of
from generation.services.task_create import CreatedTask, IdempotencyKey, task_create
from generation.services.upload import upload_create

BODY_LIMIT_BYTES = encoded_length(IMAGE_LIMIT_BYTES) + 64 * 1024
"""The largest image in Base64, and the rest of its order."""
MODEL_FIELDS = ("modelName", "model")
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


def key_of_task(request: HttpRequest) -> IdempotencyKey | None:
    """The client's key as the one task that it makes, whatever happens to the answer; None without one."""
    key = named(request, "stargraph-task")
    asked = f"{request.method} {request.path}\n".encode() + body_of(request)
    return IdempotencyKey(key, hashlib.sha256(asked).digest()) if key else None


class GenerateView(StargraphView):
    """One kind's creation: parse, call the one service, render."""

    scope = "generation"
    kind: ClassVar[str]
    input: ClassVar[type[serializers.Serializer[Any]]]
    image: ClassVar[str] = ""
    """The parameter of the kind's image, `<image>Base64` or `<image>Url`; empty for a kind without one."""
    message: ClassVar[str] = "任务创建成功"

    def create(self, request: HttpRequest) -> HttpResponse:
        """The answer with the task that the body asks for, once for each `Idempotency-Key`."""
        if self.image:
            try:
                body_take(request, BODY_LIMIT_BYTES)
            except RequestTooLarge as error:
                raise FileTooLarge(limit_mb=IMAGE_LIMIT_BYTES // 1024**2) from error
        return self.idempotent(lambda: self.success(self.message, self._ordered(request)))

    def _ordered(self, request: HttpRequest) -> dict[str, Any]:
        data = self.validated(self.input)
        if self.image:
            data[f"{self.image}Url"] = self._address(data.pop(f"{self.image}Base64", None), data.pop(f"{self.image}Url", None))
        created = task_create(
            principal=self.principal,
            kind=self.kind,
            offer=f"stargraph/{self.kind}",
            alias=next(data[name] for name in MODEL_FIELDS if name in data),
            params={snake(name): value for name, value in data.items() if name != "modelName"},
            idempotency=key_of_task(request),
        )
        return {**self.rendered(created, data), **({"clientId": data["clientId"]} if data.get("clientId") else {})}

    def _address(self, encoded: str | None, address: str | None) -> str:
        """The address of the image; what came as Base64 is the caller's own upload now and wins. Raises InvalidInput without either."""
        if not encoded and not address:
            raise InvalidInput.field(f"{self.image}Url", f"{self.image}Base64 与 {self.image}Url 须提供其一")
        if not encoded:
            return address or ""
        with image_file(encoded, IMAGE_LIMIT_BYTES) as path:
            return link_of(upload_create(user_id=self.principal.user_id, path=path, kind="image"))

    def rendered(self, created: CreatedTask, data: dict[str, Any]) -> dict[str, Any]:
        """The new task in the document's words."""
        return rendered(created, self.principal.user_id)


def rendered(created: CreatedTask, user_id: int) -> dict[str, Any]:
    """A new task's name, place, estimate and price."""
    task = Task.objects.get(user_id=user_id, pk=created.id)
    return {
        "taskId": name_of(task),
        "queuePosition": queue_position(user_id=user_id, task_id=task.pk) or 0,
        "estimatedTime": created.estimate_s,
        "cost": created.cost_credits,
    }


class VideoView(GenerateView):
    """A kind whose output moves."""

    def rendered(self, created: CreatedTask, data: dict[str, Any]) -> dict[str, Any]:
        frames = {"duration": data["duration"], "fps": data["fps"], "totalFrames": data["duration"] * data["fps"]}
        return {**super().rendered(created, data), **frames}


def _described(name: str, input: type[serializers.Serializer[Any]], output: serializers.Serializer[Any], summary: str) -> Decorator:
    responses = answers(name, output, 400, 401, 403, 404, 409)
    decorator: Decorator = extend_schema(summary=summary, request=input, parameters=[REPEAT], responses=responses)
    return decorator


class Text2ImgView(GenerateView):
    kind, input = "text2img", inputs.Text2ImgInput

    @_described("Text2Img", inputs.Text2ImgInput, CreatedOutput(), "Order images from a text")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class Img2ImgView(GenerateView):
    kind, input, image = "img2img", inputs.Img2ImgInput, "image"

    @_described("Img2Img", inputs.Img2ImgInput, CreatedOutput(), "Order images from an image and a text")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class UpscaleView(GenerateView):
    kind, input, image = "upscale", inputs.UpscaleInput, "image"

    @_described("Upscale", inputs.UpscaleInput, CreatedOutput(), "Order an image twice or four times as large")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class PoseView(GenerateView):
    kind, input, image = "pose", inputs.PoseInput, "poseImage"

    @_described("Pose", inputs.PoseInput, CreatedOutput(), "Order images in the pose of an image")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class Text2VideoView(VideoView):
    kind, input, message = "text2video", inputs.Text2VideoInput, "文生视频任务已提交"

    @_described("Text2Video", inputs.Text2VideoInput, CreatedVideoOutput(), "Order a short video from a text")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)


class Img2VideoView(VideoView):
    kind, input, image, message = "img2video", inputs.Img2VideoInput, "image", "图生视频任务已提交"

    @_described("Img2Video", inputs.Img2VideoInput, CreatedVideoOutput(), "Order a short video from an image")
    def post(self, request: HttpRequest) -> HttpResponse:
        return self.create(request)
