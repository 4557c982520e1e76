"""A result as the pages show it: its link, its small picture, its true size, the name it is saved under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from generation.models import Asset
from generation.services.link import link_of
from operations.templatetags.pages import shape_of


def local_link(asset: Asset | None) -> str:
    """The link to a stored file, without our own host: pages are read under any name of this server."""
    return link_of(asset).removeprefix(settings.PUBLIC_BASE_URL) if asset else ""


@dataclass(frozen=True, slots=True)
class Result:
    """One file that was made; sizes in px, `number` counts a task's results from 1."""

    src: str
    poster: str
    poster_width: int | None
    width: int | None
    height: int | None
    shape: str
    is_picture: bool
    file_name: str
    about: str
    number: int


def result_of(asset: Asset, number: int) -> Result:
    """`asset` as number `number` of a task's results; saved under the name that its link and its answer give it."""
    extension = asset.storage_key.rpartition(".")[2]
    return Result(
        src=local_link(asset),
        poster=local_link(asset.thumbnail),
        poster_width=asset.thumbnail.width if asset.thumbnail else asset.width,
        width=asset.width,
        height=asset.height,
        shape=shape_of(asset.width, asset.height),
        is_picture=asset.kind == Asset.Kind.IMAGE,
        file_name=f"{asset.uuid}.{extension}",
        about=f"{asset.width} × {asset.height} · {extension.upper()} · {filesizeformat(asset.size_bytes)}",
        number=number,
    )


def shape_asked(params: Mapping[str, Any]) -> str:
    """The class of a work that is not there yet, as its parameters ask for it."""
    if params.get("width") and params.get("height"):
        return shape_of(params["width"], params["height"])
    return "v" if params.get("aspect_ratio") == "portrait" else "w"
