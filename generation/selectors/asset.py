"""Reading files' rows."""

from __future__ import annotations

from uuid import UUID

from generation.models import Asset


def asset_of_link(*, uuid: UUID, public_only: bool) -> Asset | None:
    """The asset a link names, None if there is none; with `public_only` only one that everybody may see. One statement."""
    found = Asset.objects.filter(uuid=uuid)
    return (found.filter(is_public=True) if public_only else found).first()


def asset_of_owner(*, user_id: int, uuid: UUID) -> Asset | None:
    """The asset of that UUID if it is this user's, else None."""
    return Asset.objects.filter(user_id=user_id, uuid=uuid).first()


def asset_of_key(*, user_id: int, storage_key: str) -> Asset | None:
    """The asset stored under that key if it is this user's, else None."""
    return Asset.objects.filter(user_id=user_id, storage_key=storage_key).first()


def uploads_of(*, user_id: int, limit: int = 50) -> list[Asset]:
    """The user's newest uploads."""
    return list(Asset.objects.filter(user_id=user_id, source=Asset.Source.UPLOAD).order_by("-id")[:limit])
