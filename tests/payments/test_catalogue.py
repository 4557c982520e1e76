"""What an order costs and brings, and where its payer may be sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.kernel.errors import InvalidInput
from payments.exceptions import OrderRefused, ProductUnknown
from payments.models import Product, ProductPrice
from payments.services.catalogue import terms_agreed, terms_of_amount, terms_of_product
from payments.services.return_url import return_url_judge
from payments.states import EDGES, PAID, OrderState, before


@pytest.mark.django_db
def test_an_order_yields_at_most_as_many_paid_credits_as_its_money_buys() -> None:
    Product.objects.filter(slug="trial").update(paid_credits=1_500, bonus_credits=7)
    terms = terms_of_product(contract="video", slug="trial")
    assert (terms.paid_credits, terms.bonus_credits) == (1_000, 507)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("slug", "credits_count", "cents"), [("trial", 500, 5_000), ("standard", 1_100, 10_000), ("premium", 13_000, 100_000)]
)
def test_the_documents_packages_are_shipped(slug: str, credits_count: int, cents: int) -> None:
    terms = terms_of_product(contract="video", slug=slug)
    assert (terms.paid_credits, terms.bonus_credits, terms.amount_cents, terms.value_cents) == (credits_count, 0, cents, cents)


@pytest.mark.django_db
def test_what_is_not_on_sale_cannot_be_bought() -> None:
    Product.objects.filter(slug="trial").update(is_active=False)
    for contract, slug in (("video", "trial"), ("studio", "standard"), ("video", "")):
        with pytest.raises(ProductUnknown):
            terms_of_product(contract=contract, slug=slug)


@pytest.mark.parametrize("cents", [-100, 0, 99, 101, 105, 5_000_010, 10**18])
def test_the_base_rate_takes_whole_credits_within_bounds(cents: int) -> None:
    with pytest.raises(OrderRefused):
        terms_of_amount(contract="video", amount_cents=cents)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cents", "currency", "credits_count"),
    [(10_000, "CNY", 1_101), (10_000, "USD", 1_100), (10_000, "cny", 1_100), (5_000, "CNY", 501), (-5_000, "CNY", -500), (0, "CNY", 0)],
)
def test_numbers_that_agree_with_nothing_are_refused(cents: int, currency: str, credits_count: int) -> None:
    with pytest.raises(OrderRefused):
        terms_agreed(contract="video", amount_cents=cents, currency=currency, credits_count=credits_count)


@pytest.mark.django_db
def test_numbers_agree_with_a_package_or_the_base_rate() -> None:
    package = terms_agreed(contract="video", amount_cents=10_000, currency="CNY", credits_count=1_100)
    base = terms_agreed(contract="video", amount_cents=10_000, currency="CNY", credits_count=1_000)
    assert (package.product_id is not None, package.paid_credits) == (True, 1_100)
    assert (base.product_id, base.paid_credits) == (None, 1_000)


@pytest.mark.django_db
def test_a_shown_unit_price_that_no_longer_fits_is_refused() -> None:
    price = ProductPrice.objects.select_related("product").get(product__slug="premium")
    price.clean()
    price.value_cents = price.amount_cents = 200_000
    with pytest.raises(ValidationError):
        price.clean()


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"amount_cents": 0}, {"value_cents": 4_999}])
def test_the_database_refuses_prices_that_cannot_be(change: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ProductPrice.objects.filter(product__slug="trial").update(**change)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "//shop.example/paid", "shop.example", "http://", "http://a b/", "http://a\\b/",
        "http://user:pw@shop.example/", "http://shop.example:99999/", "http://shop.example/\n", "ftp://shop.example/", "http://[::1/",
    ],
)  # fmt: skip
def test_an_address_that_is_no_web_address_is_refused_everywhere(settings: Any, url: str) -> None:
    settings.DEMO = True
    with pytest.raises(InvalidInput):
        return_url_judge(url)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("", True),
        ("https://shop.example/paid", True),
        ("https://shop.example/paid/now?x=1", True),
        ("https://SHOP.example/paid", True),
        ("https://shop.example/paidly", False),
        ("https://shop.example/paid/../x", False),
        ("http://shop.example/paid", False),
        ("https://shop.example.evil.example/paid", False),
        ("https://evil.example/?https://shop.example/paid", False),
        ("https://shop.example:8443/paid", False),
    ],
)
def test_outside_demo_mode_payers_are_sent_to_listed_addresses_only(production: None, url: str, allowed: bool) -> None:
    if allowed:
        assert return_url_judge(url) == url
        return
    with pytest.raises(InvalidInput):
        return_url_judge(url)


def test_every_state_has_its_edges_and_money_can_always_come_in() -> None:
    assert set(EDGES) == set(OrderState)
    assert before(OrderState.SUCCEEDED, EDGES) >= set(OrderState) - PAID
    assert not before(OrderState.PENDING, EDGES)
    assert all(not (EDGES[state] & {OrderState.FAILED, OrderState.CANCELLED, OrderState.EXPIRED}) for state in PAID)
