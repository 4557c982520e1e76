"""POST /api/videos/upload (documents 000 §3.3 and 001 §2.5)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from config.contracts.video.fields import StrictChoiceField
from config.contracts.video.schema import answers
from config.contracts.video.validation import validate
from config.contracts.video.views import VideoView
from config.kernel.errors import DomainError, InvalidInput
from generation import storage
from generation.exceptions_media import FileTooLarge, MediaInvalid, QuotaExceeded
from generation.models import Asset
from generation.services.link import link_of
from generation.services.upload import UPLOAD_LIMIT_BYTES, upload_create

FORM_SLACK_BYTES = 64 * 1024
"""What the form around the file may take."""
TOO_LARGE = FileTooLarge(limit_mb=UPLOAD_LIMIT_BYTES // 1024**2)


class UploadInput(serializers.Serializer[Any]):
    """The form beside its file."""

    file_type = StrictChoiceField(choices=["image", "video"], default="image")


class UploadForm(UploadInput):
    """The whole form, for the schema."""

    file = serializers.FileField()


class UploadOutput(serializers.Serializer[Any]):
    """A stored upload."""

    success = serializers.BooleanField()
    file_url = serializers.CharField()
    storage_key = serializers.CharField()
    file_size = serializers.IntegerField()
    content_type = serializers.CharField()
    file_type = serializers.ChoiceField(choices=["image", "video"])
    message = serializers.CharField()


class Received(UploadedFile):  # type: ignore[type-arg]
    """A file that lies whole on our disk."""

    def __init__(self, path: Path, name: str, size: int) -> None:
        super().__init__(file=None, name=name, size=size)
        self.path = path


class DiskHandler(FileUploadHandler):
    """The field `file` goes to our disk chunk by chunk; the first byte beyond the limit ends the reading of the request."""

    def __init__(self, request: HttpRequest, folder: Path) -> None:
        super().__init__(request)
        self.folder = folder
        self.too_large = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.field_name != "file":
            raise SkipFile()
        self._size = 0
        self._target = (self.folder / f"upload-{os.urandom(8).hex()}").open("wb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._size += len(raw_data)
        if self._size > UPLOAD_LIMIT_BYTES:
            self.too_large = True
            self._target.close()
            raise StopUpload(connection_reset=True)
        self._target.write(raw_data)

    def file_complete(self, file_size: int) -> Received:
        self._target.close()
        return Received(Path(self._target.name), self.file_name or "", file_size)

    def upload_interrupted(self) -> None:
        if hasattr(self, "_target"):
            self._target.close()


class UploadView(VideoView):
    """A file of the user, streamed to our disk, judged by its content, stored."""

    caller = "user+key"
    scope = "generation"

    @extend_schema(request={"multipart/form-data": UploadForm}, responses=answers(UploadOutput, 401, 403))
    def post(self, request: HttpRequest) -> Response:
        try:
            with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder:
                file, kind = self._received(request, Path(folder))
                asset = upload_create(user_id=self.principal.user_id, path=file.path, kind=kind, name=file.name or "")
        except (MediaInvalid, FileTooLarge, QuotaExceeded) as error:
            raise _fault(error) from error
        return Response(_body(asset))

    def _received(self, request: HttpRequest, folder: Path) -> tuple[Received, str]:
        """The file and the kind the client says it is. Raises InvalidInput, FileTooLarge."""
        length = request.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > UPLOAD_LIMIT_BYTES + FORM_SLACK_BYTES:
            raise TOO_LARGE
        handler = DiskHandler(request, folder)
        request.upload_handlers = [handler]
        form = _form(request)
        if handler.too_large:
            raise TOO_LARGE
        told = validate(UploadInput, {"file_type": form["file_type"]} if "file_type" in form else {})
        file = request.FILES.get("file")
        if not isinstance(file, Received):
            raise InvalidInput.field("file", "field required", "value_error.missing")
        return file, told["file_type"]


def _form(request: HttpRequest) -> dict[str, Any]:
    try:
        return {name: request.POST[name] for name in request.POST}
    except (MultiPartParserError, UnreadablePostError, SuspiciousOperation, OSError) as error:
        raise InvalidInput.field("file", "the form could not be read", "value_error.multipart") from error


def _fault(error: DomainError) -> InvalidInput:
    """The refusal in the contract's 422 shape."""
    return InvalidInput.field("file", error.message, f"value_error.{error.code}")


def _body(asset: Asset) -> dict[str, Any]:
    return {
        "success": True,
        "file_url": link_of(asset),
        "storage_key": asset.storage_key,
        "file_size": asset.size_bytes,
        "content_type": asset.content_type,
        "file_type": asset.kind,
        "message": f"{asset.kind.capitalize()} uploaded successfully",
    }
