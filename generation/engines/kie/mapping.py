"""Our kinds and parameters in kie.ai's words, and its records in ours."""

from __future__ import annotations

import json
from typing import Any

from generation.engines.base import EngineOutput, EngineRequest, EngineState, EngineStatus, Rejected

STATES: dict[str, EngineState] = {
    "waiting": "queued",
    "queuing": "queued",
    "generating": "running",
    "success": "succeeded",
    "fail": "failed",
}
MODELS = {
    ("text-to-video", "standard"): "sora-2-text-to-video",
    ("text-to-video", "hd"): "sora-2-pro-text-to-video",
    ("image-to-video", "standard"): "sora-2-image-to-video",
    ("image-to-video", "hd"): "sora-2-pro-image-to-video",
}
RETRYABLE_FAILURES = frozenset({"408", "429", "455", "500"})
FAILED_TEXT = "The engine could not make this video."


def create_body(request: EngineRequest, image_urls: list[str]) -> dict[str, Any]:
    """The body of createTask. Raises Rejected for a kind this upstream does not make."""
    quality = str(request.params.get("quality", "standard"))
    model = request.alias if request.alias.startswith("sora-2-") else MODELS.get((request.kind, quality))
    if model is None:
        raise Rejected("This engine does not make this kind.")
    made_of: dict[str, Any] = {
        "prompt": request.params.get("prompt", ""),
        "aspect_ratio": request.params.get("aspect_ratio", "landscape"),
        "n_frames": "10",
        "remove_watermark": True,
        "upload_method": "s3",
    }
    if "-pro-" in model:
        made_of["size"] = "high"
    if image_urls:
        made_of["image_urls"] = image_urls[:1]
    body = {"model": model, "input": made_of}
    return {**body, "callBackUrl": request.callback_url} if request.callback_url else body


def status_of(record: dict[str, Any] | None) -> EngineStatus:
    """A record of recordInfo; None (the upstream knows nothing of it) is "lost"."""
    if record is None:
        return EngineStatus("lost", 0)
    state = STATES.get(str(record.get("state")), "running")
    if state == "succeeded":
        return _succeeded(record)
    if state == "failed":
        code = str(record.get("failCode") or "")
        return EngineStatus("failed", 0, message=FAILED_TEXT, retryable=code in RETRYABLE_FAILURES)
    return EngineStatus(state, _progress(record))


def named_callback(record: dict[str, Any]) -> str:
    """The callback address the task was created with, out of `param` (the create body as text)."""
    return str(_loaded(record.get("param")).get("callBackUrl") or "")


def _succeeded(record: dict[str, Any]) -> EngineStatus:
    urls = _loaded(record.get("resultJson")).get("resultUrls")
    found = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
    return EngineStatus("succeeded", 100, tuple(EngineOutput(None, url, "video/mp4") for url in found))


def _progress(record: dict[str, Any]) -> float:
    value = record.get("progress")
    return float(min(max(value, 0), 99)) if isinstance(value, int | float) else 0.0


def _loaded(text: Any) -> dict[str, Any]:
    """The object that a text field holds as JSON; {} for anything else."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}
