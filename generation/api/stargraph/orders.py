"""An order in the words of document 002 (§5, §6, §8.4) becomes a task: the one way of REST and of `SEND /app/generate`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from rest_framework import serializers

from config.contracts.body import body_of
from config.contracts.idempotency import named
from config.contracts.shared_v1.views import understood
from config.kernel.errors import DatabaseUnavailable, DomainError, InvalidInput
from config.kernel.principal import Principal
from generation.api.stargraph import inputs
from generation.api.stargraph.images import image_file
from generation.api.stargraph.inputs import snake
from generation.kinds import IMAGE_LIMIT_BYTES
from generation.models import Asset, Task
from generation.selectors.named import name_of
from generation.selectors.queue import queue_position
from generation.services.asset import asset_delete
from generation.services.link import link_of
from generation.services.task_create import CreatedTask, IdempotencyKey, task_create
from generation.services.upload import upload_create

MODEL_FIELDS = ("modelName", "model")


@dataclass(frozen=True, slots=True)
class Form:
    """What an order of one kind looks like: its parameters; `image` names that of its image, `<image>Base64` or `<image>Url`."""

    input: type[serializers.Serializer[Any]]
    image: str = ""
    is_moving: bool = False


FORMS = {
    "text2img": Form(inputs.Text2ImgInput),
    "img2img": Form(inputs.Img2ImgInput, image="image"),
    "upscale": Form(inputs.UpscaleInput, image="image"),
    "pose": Form(inputs.PoseInput, image="poseImage"),
    "text2video": Form(inputs.Text2VideoInput, is_moving=True),
    "img2video": Form(inputs.Img2VideoInput, image="image", is_moving=True),
}


def order(*, principal: Principal, kind: str, body: dict[str, Any], idempotency: IdempotencyKey | None) -> dict[str, Any]:
    """A task of `kind` (one of FORMS) exists as `body` asks, told in the document's words: name, place, seconds to wait, price.

    Raises InvalidInput with every fault, what `upload_create` says of an image in Base64, and what `task_create` raises; of a
    refused order no image stays.
    """
    form = FORMS[kind]
    data = understood(form.input, body)
    uploaded = _uploaded(principal, form.image, data) if form.image else None
    try:
        created = task_create(
            principal=principal,
            kind=kind,
            offer=f"stargraph/{kind}",
            alias=next(data[name] for name in MODEL_FIELDS if name in data),
            params={snake(name): value for name, value in data.items() if name != "modelName"},
            idempotency=idempotency,
        )
    except DatabaseUnavailable:
        raise  # the task may stand: the sweep takes the image if it does not
    except DomainError:
        _let_go(uploaded)
        raise
    if created.replayed:
        _let_go(uploaded)
    return {**rendered(created, principal.user_id), **_frames(form, data), **_client(data)}


def rendered(created: CreatedTask, user_id: int) -> dict[str, Any]:
    """A new task's name, place, estimate and price."""
    task = Task.objects.get(user_id=user_id, pk=created.id)
    return {
        "taskId": name_of(task),
        "queuePosition": queue_position(user_id=user_id, task_id=task.pk) or 0,
        "estimatedTime": created.estimate_s,
        "cost": created.cost_credits,
    }


def key_of_task(request: HttpRequest) -> IdempotencyKey | None:
    """The client's key as the one task that it makes, whatever happens to the answer; None without one."""
    key = named(request, "stargraph-task")
    asked = f"{request.method} {request.path}\n".encode() + body_of(request)
    return IdempotencyKey(key, hashlib.sha256(asked).digest()) if key else None


def _uploaded(principal: Principal, image: str, data: dict[str, Any]) -> Asset | None:
    """What came as Base64 is the caller's own upload now, and `<image>Url` in `data` names it: it wins. None for an address alone.

    Raises InvalidInput without either.
    """
    encoded, address = data.pop(f"{image}Base64", None), data.get(f"{image}Url")
    if not encoded and not address:
        raise InvalidInput.field(f"{image}Url", f"{image}Base64 与 {image}Url 须提供其一")
    if not encoded:
        return None
    with image_file(encoded, IMAGE_LIMIT_BYTES) as path:
        uploaded = upload_create(user_id=principal.user_id, path=path, kind="image")
    data[f"{image}Url"] = link_of(uploaded)
    return uploaded


def _let_go(uploaded: Asset | None) -> None:
    if uploaded is not None:
        asset_delete(asset=uploaded)


def _frames(form: Form, data: dict[str, Any]) -> dict[str, Any]:
    """How long a moving output will be."""
    if not form.is_moving:
        return {}
    return {"duration": data["duration"], "fps": data["fps"], "totalFrames": data["duration"] * data["fps"]}


def _client(data: dict[str, Any]) -> dict[str, str]:
    """The client's own id, where it gave one."""
    return {"clientId": data["clientId"]} if data.get("clientId") else {}
