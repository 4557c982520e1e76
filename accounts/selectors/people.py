"""Users as operators look for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F, Q

from accounts.models import Identity, User

COUNTED_EXACTLY = 10_000
NUMBER_MOST = 2**63 - 1
STATUSES = {
    "ACTIVE": Q(banned_at__isnull=True, deletion_requested_at__isnull=True, erased_at__isnull=True),
    "BANNED": Q(banned_at__isnull=False, erased_at__isnull=True),
    "DELETING": Q(banned_at__isnull=True, deletion_requested_at__isnull=False, erased_at__isnull=True),
    "DELETED": Q(erased_at__isnull=False),
}
"""What a user can be → how such users are found; every user is exactly one."""


@dataclass(frozen=True, slots=True)
class UsersPage:
    """One page of users; `total` is exact up to 10,000 (or up to the page's end beyond)."""

    users: Sequence[User]
    total: int


def status_of(user: User) -> str:
    """Which of STATUSES the user is."""
    if user.erased_at is not None:
        return "DELETED"
    if user.banned_at is not None:
        return "BANNED"
    return "ACTIVE" if user.deletion_requested_at is None else "DELETING"


def users_page(
    *,
    page: int,
    page_size: int,
    keyword: str = "",
    subjects: Sequence[str] = (),
    status: str = "",
    sort: str = "created_at",
    ascending: bool = False,
) -> UsersPage:
    """Page `page` (from 1) of everybody, narrowed to `keyword` and `status` (one of STATUSES) if any; for operators only.

    `keyword` is part of a name or nickname in any case, or a number; `subjects` are whole proven phones or e-mails that find their
    user too. Two statements.
    """
    found = User.objects.filter(_named(keyword, subjects)) if keyword else User.objects.all()
    found = found.filter(STATUSES[status]) if status else found
    offset = (page - 1) * page_size
    total = found.order_by()[: max(COUNTED_EXACTLY, offset + page_size)].count()
    sign, by = ("", F(sort).asc(nulls_last=True)) if ascending else ("-", F(sort).desc(nulls_last=True))
    return UsersPage(list(found.order_by(by, f"{sign}pk")[offset : offset + page_size]) if offset < total else [], total)


def _named(keyword: str, subjects: Sequence[str]) -> Q:
    proven = Identity.objects.filter(subject__in=subjects).values("user_id")
    named = Q(username__icontains=keyword) | Q(nickname__icontains=keyword) | Q(pk__in=proven)
    is_number = keyword.isascii() and keyword.isdigit() and len(keyword) < 20 and int(keyword) <= NUMBER_MOST
    return named | Q(pk=int(keyword)) if is_number else named
