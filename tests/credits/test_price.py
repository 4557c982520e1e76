"""The price list, as it ships and as operators change it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from credits.exceptions import PriceMissing
from credits.models import Offer, Price
from credits.services.price import PriceTag, price_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("offer", "params", "amount", "unit"),
    [
        ("video/text-to-video", {"quality": "standard"}, 20, "task"),
        ("video/text-to-video", {"quality": "hd", "prompt": "x"}, 30, "task"),
        ("video/image-to-video", {"quality": "standard"}, 25, "task"),
        ("video/image-to-video", {"quality": "hd"}, 35, "task"),
        ("video/animate-move", {"mode": "wan-std"}, 10, "second"),
        ("video/animate-mix", {"mode": "wan-pro"}, 14, "second"),
        ("stargraph/text2img", {"steps": 30}, 10, "image"),
        ("stargraph/img2img", {}, 10, "image"),
        ("stargraph/upscale", {}, 5, "image"),
        ("stargraph/pose", {}, 12, "image"),
        ("stargraph/text2video", {}, 30, "task"),
        ("stargraph/img2video", {}, 30, "task"),
        ("studio/writing", {"tool_type": "wechat_article"}, 10, "task"),
        ("studio/image", {}, 20, "task"),
        ("studio/video", {}, 50, "task"),
        ("studio/ppt", {}, 30, "task"),
        ("skyriff/sora2", {"duration_sec": 10}, 10, "task"),
        ("skyriff/sora2", {"duration_sec": 15}, 15, "task"),
        ("skyriff/sora2Pro", {"duration_sec": 25}, 75, "task"),
        ("skyriff/clean-download", {}, 6, "task"),
    ],
)
def test_the_documents_prices_ship(offer: str, params: dict[str, Any], amount: int, unit: str) -> None:
    assert price_of(offer=offer, params=params) == PriceTag(amount, unit)


@pytest.mark.parametrize(
    ("offer", "params"),
    [
        ("video/none", {}),
        ("video/text-to-video", {"quality": "4k"}),
        ("video/text-to-video", {}),
        ("skyriff/sora2", {"duration_sec": "10"}),
    ],
)
def test_refuses_what_has_no_price(offer: str, params: dict[str, Any]) -> None:
    with pytest.raises(PriceMissing), transaction.atomic():
        price_of(offer=offer, params=params)


def test_the_most_specific_row_counts() -> None:
    offer = Offer.objects.create(code="video/new")
    Price.objects.create(offer=offer, match={}, amount_credits=1)
    Price.objects.create(offer=offer, match={"quality": "hd", "mode": "x"}, amount_credits=3)
    Price.objects.create(offer=offer, match={"quality": "hd"}, amount_credits=2)
    found = [
        price_of(offer="video/new", params=params).amount for params in ({}, {"quality": "hd"}, {"quality": "hd", "mode": "x", "y": 1})
    ]
    assert found == [1, 2, 3]


def test_an_offer_that_is_off_is_not_sold() -> None:
    Offer.objects.filter(code="studio/ppt").update(is_active=False)
    with pytest.raises(PriceMissing), transaction.atomic():
        price_of(offer="studio/ppt", params={})
