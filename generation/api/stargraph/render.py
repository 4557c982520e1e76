"""Tasks in the document's words (002 §7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from config.contracts.shared_v1.times import local
from generation.api.stargraph import words
from generation.api.stargraph.inputs import camel
from generation.kinds import KINDS, OWN_PARAMS
from generation.models import Asset, Task
from generation.selectors.named import name_of
from generation.services.link import link_again, link_of

NO_PARAMETERS = frozenset({"prompt", "negative_prompt", "client_id"}) | OWN_PARAMS
"""What stands elsewhere, or is ours."""


def listed(task: Task, outputs: Sequence[Asset]) -> dict[str, Any]:
    """A task as a row of the list: results are addresses."""
    return {**_head(task), **_optional(task), "results": [link_of(asset) for asset in outputs]}


def detailed(task: Task, outputs: Sequence[Asset]) -> dict[str, Any]:
    """A task with its parameters, true result metadata and times (whole seconds)."""
    return {
        **_head(task),
        **_optional(task),
        "negativePrompt": task.params.get("negative_prompt", ""),
        "parameters": {"modelName": task.alias, **_parameters(task)},
        "results": [result(asset) for asset in outputs],
        "queueTime": _seconds(task.created_at, task.started_at),
        "processTime": _seconds(task.started_at, task.completed_at),
        "startTime": local(task.started_at),
    }


def result(asset: Asset) -> dict[str, Any]:
    """One file of a task; `size` in bytes, `duration` of a video in seconds."""
    shown = {
        "url": link_of(asset),
        "thumbnailUrl": link_of(asset.thumbnail) if asset.thumbnail else None,
        "size": asset.size_bytes,
        "width": asset.width,
        "height": asset.height,
        "format": asset.content_type.rpartition("/")[2].upper(),
    }
    return shown if asset.duration_ms is None else {**shown, "duration": asset.duration_ms / 1000}


def _head(task: Task) -> dict[str, Any]:
    return {
        "id": name_of(task),
        "type": words.type_of(task.kind),
        "status": words.STATUS[task.status],
        "progress": int(task.progress),
        "prompt": task.params.get("prompt", ""),
        "cost": task.cost_credits,
        "createTime": local(task.created_at),
        "completeTime": local(task.completed_at),
    }


def _parameters(task: Task) -> dict[str, Any]:
    """What was asked for; the caller's own files under links of today, because those that came with the order end."""
    shown = {name: value for name, value in task.params.items() if name not in NO_PARAMETERS}
    for declared in KINDS[task.kind].inputs if task.kind in KINDS else ():
        value = shown.get(declared.param)
        if isinstance(value, list):
            shown[declared.param] = [link_again(address, task.user_id) for address in value]
        elif value:
            shown[declared.param] = link_again(value, task.user_id)
    return {camel(name): value for name, value in shown.items()}


def _optional(task: Task) -> dict[str, Any]:
    """The client's own id, and what went wrong, where there is such."""
    shown: dict[str, Any] = {"clientId": task.params["client_id"]} if task.params.get("client_id") else {}
    if words.STATUS[task.status] == "FAILED":
        shown["error"] = dict(zip(("code", "message"), words.fault_of(task.error_code), strict=True))
    return shown


def _seconds(begun: dt.datetime | None, ended: dt.datetime | None) -> int | None:
    return max(round((ended - begun).total_seconds()), 0) if begun and ended else None
