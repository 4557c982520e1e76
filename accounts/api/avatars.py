"""The address of an avatar, whichever contract sets it."""

from __future__ import annotations

from accounts.selectors.user import user_of
from generation.services.avatar import avatar_of_own
from generation.services.link import public_link_of

AVATAR_LIMIT_BYTES = 1024**2


def avatar_at(*, user_id: int, address: str) -> str:
    """A foreign address as it was given; for a picture that the user has here, the address of a public copy, which never ends.

    Raises AddressRefused, NotFound (a picture of ours that is not theirs), MediaInvalid, FileTooLarge, QuotaExceeded.
    """
    if not address or address == user_of(user_id).avatar_url:
        return address
    asset = avatar_of_own(user_id=user_id, url=address, limit_bytes=AVATAR_LIMIT_BYTES)
    return public_link_of(asset) if asset else address
