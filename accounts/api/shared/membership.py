"""A user's membership in `studio`'s words."""

from __future__ import annotations

from typing import Any

from config.contracts.shared_v1.times import local
from config.kernel import clock
from payments.selectors.subscription import Membership, membership_of


def membership_fields(user_id: int) -> dict[str, Any]:
    """The membership that runs now; `membership_end_date` in UTC+8 without zone."""
    return rendered(membership_of(user_id, clock.now()))


def rendered(membership: Membership | None) -> dict[str, Any]:
    """A membership, or none, in three fields."""
    return {
        "is_member": membership is not None,
        "membership_type": membership.type if membership else None,
        "membership_end_date": local(membership.ends_at) if membership else None,
    }
