"""Links: whose file an address names, and for how long."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest

from config.kernel import clock as kernel_clock
from config.kernel.errors import NotFound
from config.kernel.outbound import AddressRefused
from generation.models import Asset
from generation.services.link import PUBLIC, link_of, own_asset_of, public_link_of, token_valid
from tests.generation.media.test_storage import bucket  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def asset(user_factory: Any) -> Asset:
    return Asset.objects.create(
        user=user_factory(),
        source="upload",
        kind="image",
        storage_key="uploads/image/x/2025/01/15/a_name.jpg",
        content_type="image/jpeg",
        size_bytes=1,
        sha256=bytes(32),
        created_at=kernel_clock.now(),
    )


@pytest.fixture
def real_time(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Hand:
        now = dt.datetime(2025, 1, 15, 10, 20, tzinfo=dt.UTC)

    monkeypatch.setattr(kernel_clock, "real_now", lambda: Hand.now)
    return Hand


def token_of(link: str) -> str:
    return link.split("/")[-2]


def test_a_link_stays_the_same_for_the_hour_and_lives_for_a_day(asset: Asset, real_time: Any, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://atelier.example"
    first = link_of(asset)
    assert first.startswith("https://atelier.example/media/")
    assert first.endswith(f"/{asset.uuid}.jpg")
    real_time.now += dt.timedelta(minutes=39)
    assert link_of(asset) == first
    real_time.now += dt.timedelta(minutes=2)
    assert link_of(asset) != first
    real_time.now += dt.timedelta(hours=23)
    assert token_valid(token_of(first), asset.uuid)
    real_time.now += dt.timedelta(hours=2)
    assert not token_valid(token_of(first), asset.uuid)


def test_a_token_is_good_for_its_own_asset_only(asset: Asset) -> None:
    token = token_of(link_of(asset))
    assert token_valid(token, asset.uuid)
    assert not token_valid(token, uuid4())
    later = f"{int(token.partition('.')[0], 36) + 1:x}." + token.partition(".")[2]
    for forged in (later, token[:-1], token + "x", "", ".", PUBLIC, "zzzzzzzzzzzzzzzzz." + token, token.upper(), "é." + token):
        assert not token_valid(forged, asset.uuid)


def test_a_public_asset_has_one_link_for_ever(asset: Asset, real_time: Any) -> None:
    asset.is_public = True
    first = link_of(asset)
    real_time.now += dt.timedelta(days=400)
    assert link_of(asset) == first == public_link_of(asset)


def test_an_address_of_ours_is_its_owners_asset(asset: Asset, user_factory: Any, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://atelier.example"
    link = link_of(asset)
    assert own_asset_of(link, asset.user_id) == asset
    assert own_asset_of(link + "?directive=fail", asset.user_id) == asset
    for spelling in (link.replace("atelier", "ATELIER"), link.replace(".example", ".example."), link.replace(".example", ".example:443")):
        assert own_asset_of(spelling, asset.user_id) == asset
    with pytest.raises(NotFound):
        own_asset_of(link, user_factory().pk)


def test_a_link_that_has_ended_still_names_its_owners_asset(asset: Asset, real_time: Any) -> None:
    link = link_of(asset)
    real_time.now += dt.timedelta(days=30)
    assert own_asset_of(link, asset.user_id) == asset


def test_no_other_address_of_ours_names_anything(asset: Asset, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://atelier.example"
    for path in (
        "/",
        "/api/users/profile",
        "/media/",
        f"/media/{asset.uuid}.jpg",
        f"/media/x/{uuid4()}.jpg",
        "/media/x/y.jpg",
        f"/x/media/a/{asset.uuid}.jpg",
    ):
        with pytest.raises(NotFound):
            own_asset_of("https://atelier.example" + path, asset.user_id)


def test_a_foreign_address_is_nobodys_asset_here(asset: Asset, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://atelier.example"
    path = link_of(asset).removeprefix("https://atelier.example")
    for base in ("https://example.com", "https://atelier.example:8443", "https://atelier.example.evil.com"):
        assert own_asset_of(base + path, asset.user_id) is None
    with pytest.raises(AddressRefused):
        own_asset_of("https://atelier.example@evil.com" + path, asset.user_id)


def test_every_loopback_name_of_our_port_is_ours_in_demo_mode_only(asset: Asset, settings: Any) -> None:
    settings.PUBLIC_BASE_URL, settings.PORT = "http://127.0.0.1:8000", 8000
    path = link_of(asset).removeprefix("http://127.0.0.1:8000")
    settings.DEMO = True
    for base in ("http://localhost:8000", "http://127.1:8000", "http://[::1]:8000", "http://2130706433:8000"):
        assert own_asset_of(base + path, asset.user_id) == asset
    assert own_asset_of("http://127.0.0.1:9000" + path, asset.user_id) is None
    settings.DEMO = False
    assert own_asset_of("http://localhost:8000" + path, asset.user_id) is None


def test_an_address_of_our_bucket_is_ours(asset: Asset, user_factory: Any, bucket: str) -> None:  # noqa: F811
    assert own_asset_of(bucket + asset.storage_key + "?X-Amz-Signature=x", asset.user_id) == asset
    with pytest.raises(NotFound):
        own_asset_of(bucket + asset.storage_key, user_factory().pk)
    with pytest.raises(NotFound):
        own_asset_of(bucket + "uploads/other.jpg", asset.user_id)
