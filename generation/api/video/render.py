"""Tasks in the contract's words. Rows come from `generation.selectors.task`."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from config.kernel.clock import iso_z
from generation.services.link import link_of

STATUS = {
    "PENDING": "pending",
    "RUNNING": "processing",
    "SUCCEEDED": "completed",
    "FAILED": "failed",
    "CANCELLED": "failed",
    "TIMEOUT": "failed",
}


class Output(NamedTuple):
    """What a link needs to know of a file."""

    uuid: UUID
    storage_key: str
    is_public: bool


def task(row: Any) -> dict[str, Any]:
    """A task as /api/tasks shows it (000, appendix C)."""
    return {
        "task_id": str(row.task_uuid),
        "user_id": str(row.owner_uuid),
        "task_type": row.kind,
        "status": STATUS[row.status],
        **_common(row),
    }


def task_status(row: Any) -> dict[str, Any]:
    """A task as /api/videos/tasks shows it: the platform's own states (001 §2.6)."""
    return {"task_id": str(row.task_uuid), "status": row.status, **_common(row)}


def _common(row: Any) -> dict[str, Any]:
    output = Output(row.output_uuid, row.output_key, row.output_public) if row.output_uuid else None
    return {
        "progress": round(row.progress, 1),
        "result_url": link_of(output) if output and row.status == "SUCCEEDED" else None,
        "error_message": row.error_message or None,
        "created_at": iso_z(row.created_at),
        "updated_at": iso_z(row.updated_at),
        "completed_at": iso_z(row.completed_at),
    }
