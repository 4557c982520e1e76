"""What an order costs and brings, and where its payer may be sent."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.kernel.errors import InvalidInput
from config.launcher import prepare
from payments.checks import catalogue_check
from payments.exceptions import OrderRefused, ProductUnknown
from payments.models import Currency, Product, ProductPrice
from payments.selectors.product import prices_of
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
@pytest.mark.parametrize(
    ("contract", "kind", "expected"),
    [
        ("skyriff", "credit_pack", [("6元充值包", "6 CNY pack", 600, 120), ("30元充值包", "30 CNY pack", 3_000, 600)]),
        ("skyriff", "monthly_card", [("月卡", "Monthly card", 2_900, 0)]),
        ("skyriff", "promoter", [("推广员激活", "Promoter activation", 3_000, 600)]),
        (
            "studio",
            "membership",
            [("月度会员", "Monthly membership", 990, 0), ("季度会员", "Quarterly membership", 2_500, 0),
             ("年度会员", "Yearly membership", 9_900, 0)],
        ),
        ("skyriff", "coins_pack", []),
        ("stargraph", "", []),
    ],
)  # fmt: skip
def test_each_contracts_catalogue_is_shipped(contract: str, kind: str, expected: list[Any]) -> None:
    prices = prices_of(contract=contract, kind=kind)
    found = [(price.product.name, price.product.name_en, price.amount_cents, price.paid_and_bonus()[0]) for price in prices]
    assert found == expected
    assert all(price.product.description and price.product.description_en for price in prices)


@pytest.mark.django_db
def test_what_is_shipped_is_sound(settings: Any) -> None:
    assert {row.code: row.minor_digits for row in Currency.objects.all()} == {"CNY": 2, "USD": 2, "EUR": 2, "HKD": 2, "JPY": 0}
    assert catalogue_check(None, databases=["default"]) == []
    card = Product.objects.get(slug="monthly-card")
    assert (card.period_days, card.claim_credits) == (30, 30)
    assert set(Product.objects.filter(kind="membership").values_list("period_months", "daily_units")) == {(1, 200), (3, 200), (12, 200)}


@pytest.mark.django_db
def test_a_product_is_found_by_its_number_and_only_in_its_contract() -> None:
    product = Product.objects.get(slug="credits-30")
    terms = terms_of_product(contract="skyriff", number=product.number or 0)
    assert (terms.kind, terms.product_id, terms.paid_credits, terms.amount_cents) == ("credit_pack", product.pk, 600, 3_000)
    assert terms_of_product(contract="studio", slug="yearly").kind == "membership"
    for number in (0, -1, 10**30):
        with pytest.raises(ProductUnknown):
            terms_of_product(contract="skyriff", number=number)
    assert terms_of_product(contract="studio", number=product.number or 0).kind == "membership"
    with pytest.raises(ProductUnknown):
        terms_of_product(contract="studio", number=10)


@pytest.mark.django_db
def test_products_have_the_documents_numbers_and_new_ones_the_next() -> None:
    numbers = dict(Product.objects.filter(contract="skyriff").values_list("slug", "number"))
    assert numbers == {"credits-6": 1, "credits-30": 2, "monthly-card": 10, "promoter": 11}
    assert list(Product.objects.filter(contract="video").order_by("number").values_list("slug", flat=True)) == [
        "trial", "standard", "value", "premium"
    ]  # fmt: skip
    assert Product.objects.create(contract="skyriff", slug="credits-98", name="98").number == 12


@pytest.mark.django_db
def test_a_membership_is_not_bought_as_no_credits() -> None:
    with pytest.raises(OrderRefused):
        terms_agreed(contract="studio", amount_cents=990, currency="CNY", credits_count=0)


def dollars(cents: int, value_cents: int, slug: str = "credits-6") -> ProductPrice:
    """A price in USD (floor rate 6.2), not saved."""
    return ProductPrice(product=Product.objects.get(slug=slug), currency="USD", amount_cents=cents, value_cents=value_cents)


@pytest.mark.django_db
def test_a_price_is_worth_at_most_the_floor_rate() -> None:
    price = dollars(99, 614)  # 613.8
    for check in (price.clean, price.save):
        with pytest.raises(ValidationError) as refused:
            check()
        assert refused.value.message_dict == {"value_cents": ["At the floor rate this money is worth at most 613 CNY cents."]}
    assert not ProductPrice.objects.filter(currency="USD").exists()
    price.value_cents = 613
    price.save()
    assert ProductPrice.objects.get(currency="USD").value_cents == 613


@pytest.mark.django_db
@pytest.mark.parametrize(("currency", "cents", "field"), [("XXX", 100, "currency"), ("HKD", 1, "amount_cents")])
def test_a_price_without_a_rate_or_worth_nothing_is_refused(currency: str, cents: int, field: str) -> None:
    price = ProductPrice(product=Product.objects.get(slug="credits-6"), currency=currency, amount_cents=cents, value_cents=1)
    with pytest.raises(ValidationError) as refused:
        price.save()
    assert list(refused.value.message_dict) == [field]


@pytest.mark.django_db
def test_a_new_floor_rate_gives_its_prices_a_new_worth() -> None:
    dollars(99, 600).save()
    currency = Currency.objects.get(code="USD")
    for rate, worth in (("5.555555", 549), ("7", 693), ("6.0606061", 599)):
        currency.floor_cents = Decimal(rate)
        currency.clean()
        currency.save()
        assert ProductPrice.objects.get(currency="USD").value_cents == worth
    assert ProductPrice.objects.filter(currency="CNY", product__slug="credits-6").get().value_cents == 600


@pytest.mark.django_db
def test_a_floor_rate_at_which_a_price_is_worth_nothing_is_refused() -> None:
    dollars(1, 6).save()
    currency = Currency.objects.get(code="USD")
    currency.floor_cents = Decimal("0.9")
    for check in (currency.clean, currency.save):
        with pytest.raises(ValidationError):
            check()
    assert Currency.objects.get(code="USD").floor_cents == Decimal("6.2")
    assert ProductPrice.objects.get(currency="USD").value_cents == 6


@pytest.mark.django_db
def test_a_price_at_which_dealing_with_oneself_pays_is_refused(settings: Any) -> None:
    """At 18 coins a yuan a credit's share is worth 5 cents: a pack at the floor price pays with its commission, one at 10 cents not."""
    settings.COINS_PER_CNY = 18
    cheap, dear = (ProductPrice.objects.get(product__slug=slug) for slug in ("credits-6", "trial"))
    assert (cheap.pays_oneself(), dear.pays_oneself()) == (True, False)
    dear.clean()
    dear.save()
    for check in (cheap.clean, cheap.save):
        with pytest.raises(ValidationError) as refused:
            check()
        assert "tipping oneself" in str(refused.value)
    currency = Currency.objects.get(code="CNY")
    for check in (currency.clean, currency.save):
        with pytest.raises(ValidationError):
            check()


@pytest.mark.django_db
def test_dealing_with_oneself_is_judged_by_paid_credits_alone(settings: Any) -> None:
    price = ProductPrice.objects.select_related("product").get(product__slug="credits-6")
    price.product.paid_credits, price.product.bonus_credits = 100_000, 100_000
    assert (price.paid_and_bonus(), price.pays_oneself()) == ((120, 199_880), False)


@pytest.mark.django_db
def test_the_start_up_check_names_each_price_that_came_past_save(settings: Any) -> None:
    dollars(99, 613).save()
    ProductPrice.objects.filter(currency="USD").update(value_cents=614)
    (error,) = catalogue_check(None, databases=["default"])
    assert (error.id, error.msg.partition(":")[0]) == ("payments.E001", "skyriff/credits-6 in USD")
    assert catalogue_check(None, databases=None) == []
    Product.objects.filter(slug="credits-6").update(is_active=False)
    assert catalogue_check(None, databases=["default"]) == []
    settings.COINS_PER_CNY = 18
    assert [error.msg.partition(":")[0] for error in catalogue_check(None, databases=["default"])] == [
        "skyriff/credits-30 in CNY",
        "skyriff/promoter in CNY",
    ]


@pytest.mark.django_db
def test_the_check_runs_where_the_platform_starts(settings: Any) -> None:
    assert "check" in dict(prepare.steps())
    prepare.check()
    settings.COINS_PER_CNY = 18
    with pytest.raises(SystemExit) as refused:
        prepare.check()
    assert "credits.E001" in str(refused.value)
    assert "payments.E001" in str(refused.value)


@pytest.mark.django_db
def test_the_catalogues_migration_goes_back_and_forth() -> None:
    """Unordered products go and come again; what an operator changed is not overwritten."""
    migration = import_module("payments.migrations.0004_catalogue")
    before = list(Product.objects.order_by("contract", "slug").values_list("contract", "slug", "name", "paid_credits"))
    migration.empty(apps, None)
    assert set(Product.objects.values_list("contract", flat=True)) == {"video"}
    assert not Currency.objects.exists()
    assert catalogue_check(None, databases=["default"]) == []  # or `migrate`, which checks first, would never come to fill them
    migration.fill(apps, None)
    migration.fill(apps, None)
    assert list(Product.objects.order_by("contract", "slug").values_list("contract", "slug", "name", "paid_credits")) == before
    assert catalogue_check(None, databases=["default"]) == []


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
