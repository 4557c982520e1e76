"""What every engine adapter speaks: the request, the answer, and three ways to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

EngineState = Literal["queued", "running", "succeeded", "failed", "cancelled", "lost"]


@dataclass(frozen=True, slots=True)
class EngineInput:
    """One file a task is made from, already on this machine, fetched and judged.

    `name` is "image", "image_0" or "video"; `query` is the query of the address the client gave (directives of the demo);
    `width` and `height` are pixels as displayed.
    """

    name: str
    path: Path
    content_type: str
    duration_ms: int | None
    query: str = ""
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """One attempt of one task. `attempt` counts from 1; `callback_url` carries the task's unguessable token."""

    task_uuid: UUID
    kind: str
    alias: str
    params: dict[str, Any]
    inputs: tuple[EngineInput, ...]
    attempt: int
    callback_url: str | None


@dataclass(frozen=True, slots=True)
class EngineOutput:
    """One file an engine made: a path of the work folder, or an address to fetch it from (upstream links expire)."""

    path: Path | None
    url: str | None
    content_type: str


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Where a piece of work is.

    `progress` runs from 0 to 100; `message` may be shown to the user; `retryable` says whether a new attempt may help.
    """

    state: EngineState
    progress: float
    outputs: tuple[EngineOutput, ...] = ()
    message: str = ""
    retryable: bool = False


class Temporary(Exception):
    """The engine could not do it now; the same request may be sent again."""


class NoCapacity(Temporary):
    """The engine has no room for it now (no GPU free, rate limit, memory); the same request may be sent again."""


class Rejected(Exception):
    """The engine refused for good; `text` may be shown to the user."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


class Unknown(Exception):
    """The answer to a create was lost: look the work up, never send it blindly again."""


class Engine(Protocol):
    """An adapter. `runs_here`: `run` does the work inside the worker; otherwise `submit`, then `poll` until it ends."""

    name: str
    runs_here: bool

    def run(
        self,
        request: EngineRequest,
        *,
        workdir: Path,
        progress: Callable[[float], None],
        cancelled: Callable[[], bool],
    ) -> EngineStatus:
        """The finished work, its files in `workdir`; "cancelled" once `cancelled()` said so.

        `progress` (0 to 100) and `cancelled` are called at least every 0.3 s. Raises Temporary, Rejected.
        """
        ...

    def submit(self, request: EngineRequest) -> str:
        """The upstream's id of the work it accepted. Raises Temporary, Rejected, Unknown."""
        ...

    def poll(self, upstream_id: str) -> EngineStatus:
        """Where that work is now; "lost" when the upstream knows nothing of it. Raises Temporary."""
        ...

    def cancel(self, upstream_id: str) -> bool:
        """Whether the engine confirms that it stopped. Raises Temporary."""
        ...
