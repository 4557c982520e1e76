"""resources/{models, samplers, schedulers, upload}: left out of the document, designed in its style (contracts/README.md)."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from config.contracts.idempotency import kept_once, key_of
from config.contracts.stargraph.schema import REPEAT, answers
from config.contracts.stargraph.views import StargraphView, body_take
from config.kernel.errors import InvalidInput, RequestTooLarge
from generation import storage
from generation.api.stargraph import render, words
from generation.api.stargraph.tasks import ResultOutput
from generation.exceptions_media import FileTooLarge
from generation.kinds import IMAGE_LIMIT_BYTES, KINDS
from generation.selectors.offered import models_offered
from generation.services.upload import upload_create

NAMED = [words.TYPES[kind] for kind in words.KINDS]
FORM_LIMIT_BYTES = IMAGE_LIMIT_BYTES + 64 * 1024
"""The largest image, and the form around it."""


class ChoiceOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    isDefault = serializers.BooleanField()


class ModelOutput(ChoiceOutput):
    type = serializers.ChoiceField(choices=NAMED)
    available = serializers.BooleanField(help_text="Whether an engine takes it now.")
    estimatedTime = serializers.IntegerField(help_text="Seconds until a task ordered now would be done.")


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
                "isDefault": model.alias == KINDS[model.kind].model,
                "available": model.is_live,
                "estimatedTime": model.estimate_s,
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


class UploadForm(serializers.Serializer[Any]):
    """The form, for the schema."""

    file = serializers.FileField(help_text="An image of at most 10 MB; what no task used within a day is removed.")


class UploadView(StargraphView):
    """`POST resources/upload`: the `url` of the answer can stand wherever the contract takes an image's address."""

    scope = "generation"

    @extend_schema(
        summary="Upload an image",
        parameters=[REPEAT],
        request={"multipart/form-data": UploadForm},
        responses=answers("Uploaded", ResultOutput(), 400, 401, 403, 409),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        key, file = key_of(request), _file(request)
        return (
            self._stored(file) if key is None else kept_once(self.principal.user_id, key, _hash(request, file), lambda: self._stored(file))
        )

    def _stored(self, file: UploadedFile[Any]) -> HttpResponse:
        with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder:
            path = Path(folder) / "upload"
            with path.open("wb") as target:
                target.writelines(file.chunks())
            asset = upload_create(user_id=self.principal.user_id, path=path, kind="image", name=file.name or "")
        return self.success("上传成功", render.result(asset))


def _hash(request: HttpRequest, file: UploadedFile[Any]) -> bytes:
    """Of what was asked: the file, because a form's boundary changes with each attempt."""
    digest = hashlib.sha256(f"{request.method} {request.path}\n{file.name}\n".encode())
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.digest()


def _file(request: HttpRequest) -> UploadedFile[Any]:
    """The form's `file`. Raises FileTooLarge at the first byte beyond the limit, InvalidInput."""
    try:
        body_take(request, FORM_LIMIT_BYTES)
        file = request.FILES.get("file")
    except RequestTooLarge as error:
        raise FileTooLarge(limit_mb=IMAGE_LIMIT_BYTES // 1024**2) from error
    except (MultiPartParserError, UnreadablePostError, SuspiciousOperation, OSError) as error:
        raise InvalidInput.field("file", "无法读取表单") from error
    if not isinstance(file, UploadedFile):
        raise InvalidInput.field("file", "必填：multipart/form-data 中的 file")
    if (file.size or 0) > IMAGE_LIMIT_BYTES:
        raise FileTooLarge(limit_mb=IMAGE_LIMIT_BYTES // 1024**2)
    return file
