"""Reading tasks. Every question starts from its owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from accounts.services.authentication import Fold, principal_with
from config.kernel import sql
from config.kernel.principal import Principal
from generation.exceptions import TaskNotFound
from generation.models import Task

COUNTED_EXACTLY = 10_000
COLUMNS = """
t.id as task_id, t.uuid as task_uuid, t.kind, t.status, t.progress, t.error_message, t.created_at, t.updated_at, t.completed_at, t.is_clean,
a.uuid as output_uuid, a.storage_key as output_key, a.is_public as output_public
"""

# One index-only pass gives both the count and the place where the page begins, so that page 1,000 costs what page 1 does.
ANCHOR = """
select count(*) as total, (array_agg(s.id))[%s] as anchor from (
  select id from generation_task where user_id = %s {narrowed} order by id desc limit %s
) s
"""
PAGE = """
select {columns}, u.uuid as owner_uuid from generation_task t
  join accounts_user u on u.id = t.user_id
  left join generation_asset a on a.id = t.output_id
 where t.user_id = %s and t.id <= %s {narrowed} order by t.id desc limit %s
"""


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of a user's tasks, newest first; `total` is exact up to 10,000 (or up to the page's end beyond)."""

    rows: Sequence[Any]
    total: int


def tasks_page_numbered(*, user_id: int, page: int, page_size: int, statuses: Sequence[str] = ()) -> TaskPage:
    """Page `page` (from 1) of the user's tasks, narrowed to `statuses` if any. Two statements."""
    offset = (page - 1) * page_size
    narrowed, values = (_narrowed(statuses), [list(statuses)]) if statuses else ("", [])
    most = max(COUNTED_EXACTLY, offset + page_size)
    head = sql.fetch_one(ANCHOR.format(narrowed=narrowed), [offset + 1, user_id, *values, most])
    if head.anchor is None:
        return TaskPage((), head.total)
    page_sql = PAGE.format(columns=COLUMNS, narrowed=narrowed.replace("status", "t.status"))
    return TaskPage(sql.fetch_all(page_sql, [user_id, head.anchor, *values, page_size]), head.total)


def _narrowed(statuses: Sequence[str]) -> str:
    """The condition, in the words of the index that leaves PENDING out."""
    return "and status = any(%s)" + ("" if "PENDING" in statuses else " and status <> 'PENDING'")


def tasks_page(*, user_id: int, before_id: int | None = None, limit: int = 20) -> list[Task]:
    """The user's tasks before task `before_id` (None: the newest), newest first, with output and thumbnail."""
    tasks = Task.objects.filter(user_id=user_id).select_related("output", "output__thumbnail").order_by("-id")
    return list((tasks.filter(id__lt=before_id) if before_id else tasks)[:limit])


def task_of(*, user_id: int, task_uuid: UUID) -> Task | None:
    """The user's own task, or None for anybody else's."""
    return Task.objects.select_related("output", "output__thumbnail").filter(user_id=user_id, uuid=task_uuid).first()


SEEN = Fold(
    columns=", tu.uuid AS owner_uuid, t.user_id AS task_user_id, t.api_key_id AS task_key_id, " + COLUMNS,
    joins="""
LEFT JOIN generation_task t ON t.uuid = %s::uuid
LEFT JOIN accounts_user tu ON tu.id = t.user_id
LEFT JOIN generation_asset a ON a.id = t.output_id""",
)


def task_seen(*, task_uuid: UUID | None, access_token: str | None, api_key: str | None) -> tuple[Principal, Any]:
    """The caller and the one task they may see, proven and read in one statement.

    With a token (and key) the task must be that user's; with a key alone it must have been created with that key.
    Raises NotSignedIn, TokenExpired, UserBanned, NotAllowed, and TaskNotFound for anything else, never telling why.
    """
    principal, row = principal_with(replace(SEEN, params=(task_uuid,)), access_token=access_token, api_key=api_key)
    if principal.by_key_alone:
        is_theirs = row.task_key_id is not None and row.task_key_id == principal.api_key_id
    else:
        is_theirs = row.task_user_id == principal.user_id
    if row.task_id is None or not is_theirs:
        raise TaskNotFound()
    return principal, row
