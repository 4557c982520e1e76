"""Links to files: signed ones that end by themselves, stable ones for what is public, and which addresses are our own."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.utils.crypto import constant_time_compare

from config.kernel import clock
from config.kernel.errors import NotFound
from config.kernel.ids import parse_uuid
from config.kernel.outbound import LOOPBACK, AddressRefused, Target, parse
from generation import storage
from generation.models import Asset
from generation.selectors.asset import asset_of_key, asset_of_owner

PUBLIC = "public"
BUCKET_S = 3600
LIFE_S = 24 * 3600
SALT = "generation.link"


class Linked(Protocol):
    """What a link needs to know of a file: an `Asset`, or the columns a hot door read of one."""

    @property
    def uuid(self) -> UUID: ...
    @property
    def storage_key(self) -> str: ...
    @property
    def is_public(self) -> bool: ...


def link_of(asset: Linked) -> str:
    """The absolute address of `asset`: stable if it is public, else signed; the same for up to an hour, alive for a day or more."""
    token = PUBLIC if asset.is_public else _token(asset.uuid, _expiry())
    return f"{settings.PUBLIC_BASE_URL}{link_path(asset, token)}"


def public_link_of(asset: Linked) -> str:
    """The stable address of an asset that everybody may see."""
    return f"{settings.PUBLIC_BASE_URL}{link_path(asset, PUBLIC)}"


def link_path(asset: Linked, token: str) -> str:
    """`/media/<token>/<uuid>.<extension>`."""
    return f"/media/{token}/{asset.uuid}.{asset.storage_key.rpartition('.')[2]}"


def token_valid(token: str, uuid: UUID) -> bool:
    """Whether `token` was signed for this asset and has not ended."""
    expiry = token.partition(".")[0]
    if not (expiry.isascii() and expiry.isalnum() and len(expiry) <= 12):
        return False
    try:
        ends_at = int(expiry, 36)
    except ValueError:
        return False
    return constant_time_compare(token, _token(uuid, ends_at)) and clock.real_now().timestamp() < ends_at


def _expiry() -> int:
    """Rounded to the hour, so that one file keeps one address for a while and browsers' caches work."""
    return (int(clock.real_now().timestamp()) // BUCKET_S + 1) * BUCKET_S + LIFE_S


def _token(uuid: UUID, ends_at: int) -> str:
    return f"{_base36(ends_at)}.{signing.Signer(salt=SALT).signature(f'{uuid}:{ends_at}')}"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"


def own_asset_of(url: str, user_id: int) -> Asset | None:
    """The caller's own asset that an address of ours names; None for anybody else's address.

    An address of our own is never fetched: whoever names one that is not their own asset gets NotFound, also when its signature
    is right; a link that has ended still names its asset. Raises AddressRefused for what is no address, NotFound.
    Source: contracts/README "User webhooks".
    """
    target = parse(url)
    key = storage.place().key_of(urlsplit(url))
    if key is not None:
        return _owned(asset_of_key(user_id=user_id, storage_key=key))
    if not _is_ours(target):
        return None
    uuid = uuid_of_path(target.path)
    return _owned(asset_of_owner(user_id=user_id, uuid=uuid) if uuid else None)


def link_again(url: str, user_id: int) -> str:
    """A link of today, with the query it had, for an address that names the caller's own asset; any other as it is."""
    try:
        asset = own_asset_of(url, user_id)
    except (NotFound, AddressRefused):
        return url
    query = urlsplit(url).query
    return url if asset is None else link_of(asset) + (f"?{query}" if query else "")


def _owned(asset: Asset | None) -> Asset:
    if asset is None:
        raise NotFound()
    return asset


def _is_ours(target: Target) -> bool:
    """Whether the address is our public base, in any spelling; in demo mode every loopback name of our port is."""
    base = parse(settings.PUBLIC_BASE_URL)
    if (target.host, target.port) == (base.host, base.port):
        return True
    return bool(settings.DEMO) and target.port == settings.PORT and _is_loopback(target)


def _is_loopback(target: Target) -> bool:
    literal = target.literal
    if literal is None:
        return target.host == "localhost"
    return any(literal in network for network in LOOPBACK if network.version == literal.version)


def uuid_of_path(path: str) -> UUID | None:
    """The asset that `/media/<token>/<uuid>.<extension>` names, None for another path."""
    parts = path.split("/")
    if len(parts) != 4 or parts[:2] != ["", "media"]:
        return None
    return parse_uuid(parts[3].partition(".")[0])
