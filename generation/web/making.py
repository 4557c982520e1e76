"""From a filled form to a paid task: files become assets, the price is told before it is spent, one form orders once."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from config.kernel import ids, limits
from config.kernel.errors import DomainError, NotFound
from config.kernel.principal import Principal
from generation import storage
from generation.exceptions_media import FileTooLarge
from generation.kinds import IMAGE_LIMIT_BYTES, KINDS, MIB, VIDEO_LIMIT_BYTES
from generation.models import Asset, Task
from generation.selectors.asset import asset_of_owner
from generation.services.link import own_asset_of
from generation.services.task_create import IdempotencyKey, task_create
from generation.services.upload import upload_create
from generation.web.forms import CreateForm
from generation.web.quote import Quote, quote_of
from generation.web.results import local_link
from generation.web.wording import PageKind, Upload
from operations.templatetags.pages import credits_text, shape_of
from operations.web.problems import Problem, problem_of

LIMITS = {"image": IMAGE_LIMIT_BYTES, "video": VIDEO_LIMIT_BYTES}


CREATES_A_MINUTE, UPLOADS_A_MINUTE = 60, 60


@dataclass(frozen=True, slots=True)
class Kept:
    """An uploaded file as its drop zone shows it."""

    uuid: UUID
    name: str
    shape: str
    poster: str


def kept_of(asset: Asset, name: str = "") -> Kept:
    """`asset` in its drop zone."""
    shown = name or asset.storage_key.rpartition("/")[2]
    return Kept(asset.uuid, shown, shape_of(asset.width, asset.height), local_link(asset.thumbnail))


@dataclass(slots=True)
class Wish:
    """What somebody asks for: the form, its files, its price, and what is wrong with it."""

    kind: PageKind
    form: CreateForm
    quote: Quote
    token: UUID
    assets: dict[str, Asset] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def drops(self) -> list[dict[str, Any]]:
        """The drop zones with what lies in them."""
        return [
            {
                "name": upload.name,
                "label": upload.label,
                "accept": upload.accept,
                "hint": upload.hint,
                "error": self.faults.get(upload.name, ""),
                "kept": kept_of(self.assets[upload.name]) if upload.name in self.assets else None,
            }
            for upload in self.kind.uploads
        ]


def wish_read(kind: PageKind, data: Mapping[str, Any], files: Mapping[str, Any], user_id: int, *, is_sent: bool = False) -> Wish:
    """The form with its files stored, priced as of today. A file that cannot be used is a fault of its field.

    `is_sent`: somebody pressed the button, so what is missing is told.
    """
    form = CreateForm(kind, data if is_sent else None, initial=data)
    assets: dict[str, Asset] = {}
    faults: dict[str, str] = {}
    for upload in kind.uploads:
        try:
            asset = _asset(upload, data, files, user_id)
            _judge(kind, form, asset)
        except DomainError as error:
            faults[upload.name] = problem_of(error).text
        else:
            if asset is not None:
                assets[upload.name] = asset
    quote = quote_of(kind, form.chosen_params(), user_id=user_id, video=assets.get("video"))
    return Wish(kind, form, quote, uuid4(), assets, faults)


def _asset(upload: Upload, data: Mapping[str, Any], files: Mapping[str, Any], user_id: int) -> Asset | None:
    file = files.get(upload.name)
    if file is not None:
        return upload_of(file, media=upload.media, user_id=user_id)
    kept = ids.parse_uuid(str(data.get(f"{upload.name}_asset", "")))
    if kept is None:
        return None
    asset = asset_of_owner(user_id=user_id, uuid=kept)
    if asset is None or asset.kind != upload.media:
        raise NotFound()
    return asset


def _judge(kind: PageKind, form: CreateForm, asset: Asset | None) -> None:
    """Raises PictureTooLarge where nothing could be made from `asset`, so that its field can say so."""
    if asset is not None and asset.width and asset.height:
        KINDS[kind.name].judge_picture(asset.width, asset.height, form.chosen_params())


def wish_again(kind: PageKind, task: Task) -> dict[str, Any]:
    """What the form of `kind` says to order `task` anew, its own files with it as far as they are still there."""
    chosen = {choice.name: choice.value_in(task.params) for choice in kind.choices}
    kept = {f"{upload.name}_asset": _asset_again(upload, task) for upload in kind.uploads}
    return {"prompt": task.params.get("prompt", ""), **chosen, **kept}


def _asset_again(upload: Upload, task: Task) -> str:
    said = task.params.get(upload.param) or ""
    try:
        asset = own_asset_of(said[0] if isinstance(said, list) else said, task.user_id)
    except DomainError:
        return ""
    return str(asset.uuid) if asset is not None and asset.kind == upload.media else ""


def upload_of(file: UploadedFile[Any], *, media: str, user_id: int) -> Asset:
    """The sent file is the user's asset of that medium. Raises FileTooLarge, MediaInvalid, QuotaExceeded, TooManyRequests."""
    limits.take("page.upload", str(user_id), UPLOADS_A_MINUTE, 60)
    if (file.size or 0) > LIMITS[media]:
        raise FileTooLarge(limit_mb=LIMITS[media] // MIB)
    with tempfile.TemporaryDirectory(dir=storage.work_folder()) as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as out:
            for chunk in file.chunks():
                out.write(chunk)
        return upload_create(user_id=user_id, path=path, kind=media, name=str(file.name))


def wish_submit(wish: Wish, principal: Principal) -> Problem | None:
    """The task is ordered and paid, once for each form; or what keeps it from being: then nothing was spent.

    A price other than the one the button told is told first. Raises what `task_create` raises.
    """
    is_whole = wish.form.is_valid()
    token = wish.form.cleaned_data.get("token")
    for upload in wish.kind.uploads:
        if upload.name not in wish.assets:
            wish.faults.setdefault(upload.name, _("This is needed. %(hint)s") % {"hint": upload.hint})
    if not is_whole or wish.faults or token is None:
        return Problem(_("Look at what is marked. Nothing was spent."), 422)
    if wish.form.cleaned_data.get("quoted") != wish.quote.cost:
        return Problem(_("This costs %(price)s. Press again to go on.") % {"price": credits_text(wish.quote.cost)}, 409)
    limits.take("page.create", str(principal.user_id), CREATES_A_MINUTE, 60)
    task_create(
        principal=principal,
        kind=wish.kind.name,
        offer=wish.kind.offer,
        alias=wish.kind.alias,
        params=wish.form.params(wish.assets),
        idempotency=IdempotencyKey(f"page:{token}", _hash(wish)),
    )
    return None


def _hash(wish: Wish) -> bytes:
    """What was asked; links to files change by the hour, so the files are named instead."""
    said = {"kind": wish.kind.name, "prompt": wish.form.cleaned_data.get("prompt", ""), **wish.form.choices()}
    files = {name: str(asset.uuid) for name, asset in wish.assets.items()}
    return hashlib.sha256(json.dumps([said, files], sort_keys=True).encode()).digest()
