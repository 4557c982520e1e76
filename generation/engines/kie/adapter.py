"""kie.ai as an engine: submit, then poll; it cannot be stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from generation.engines.base import EngineRequest, EngineStatus, Rejected
from generation.engines.kie import mapping
from generation.engines.kie.client import KieClient

if TYPE_CHECKING:
    from generation.models import Engine as EngineRow

DEFAULT_BASE = "https://api.kie.ai"


class KieEngine:
    """One kie.ai account. Inputs are given as addresses that kie.ai can fetch. Source: upstreams/generation.md §1."""

    runs_here = False

    def __init__(self, row: EngineRow) -> None:
        self.name = row.name
        self._client = KieClient(row.api_base or DEFAULT_BASE, row.api_key)

    def run(
        self, request: EngineRequest, *, workdir: Path, progress: Callable[[float], None], cancelled: Callable[[], bool]
    ) -> EngineStatus:
        """Never: this engine works elsewhere."""
        raise Rejected("This engine works elsewhere.")

    def submit(self, request: EngineRequest) -> str:
        """The upstream's id of the task. Raises Temporary, Rejected, Unknown."""
        return self._client.create(mapping.create_body(request, list(request.params.get("image_urls") or [])))

    def poll(self, upstream_id: str) -> EngineStatus:
        """Where the task is; "lost" when the upstream has no record of it. Raises Temporary."""
        return mapping.status_of(self._client.record(upstream_id))

    def cancel(self, upstream_id: str) -> bool:
        """False: kie.ai has no way to stop a task."""
        return False

    def belongs(self, upstream_id: str, callback_url: str) -> bool:
        """Whether the upstream's record of the task names our callback address: the proof that it was made for it. Raises Temporary."""
        record = self._client.record(upstream_id)
        return record is not None and mapping.named_callback(record) == callback_url
