"""The catalogue in the console: what cannot be sold is refused, with the reason at its field."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from payments.models import Currency, Product, ProductPrice
from payments.services.catalogue import terms_of_product
from tests.payments import test_admin
from tests.payments.test_catalogue import dollars

pytestmark = pytest.mark.django_db
console = test_admin.console

ADMIN_PRICE = {
    "prices-TOTAL_FORMS": "1",
    "prices-INITIAL_FORMS": "0",
    "prices-0-currency": "USD",
    "prices-0-amount_cents": "99",
    "prices-0-value_cents": "",
}
ADMIN_PRODUCT = {
    "kind": "credit_pack", "contract": "skyriff", "slug": "dollar", "name": "美元包", "paid_credits": "100", "bonus_credits": "0",
    "period_months": "0", "period_days": "0", "claim_credits": "0", "daily_units": "0", "is_active": "on", "display_order": "90",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prices-0-value_cents": "614"}, "at most 613 CNY cents"),
        ({"prices-0-currency": "XXX"}, "There is no such currency"),
        ({"prices-0-amount_cents": ""}, "errorlist"),
        ({"prices-0-amount_cents": "0"}, "worth less than one CNY cent"),
        ({"prices-0-amount_cents": "-1"}, "errorlist"),
        ({"kind": "membership"}, "A membership is monthly, quarterly or yearly"),
        ({"kind": "monthly_card"}, "A monthly card has days and credits to claim"),
    ],
)
def test_the_console_says_at_the_field_why_a_price_is_refused(console: Client, change: dict[str, str], message: str) -> None:
    before = Product.objects.count(), ProductPrice.objects.count()
    answer = console.post("/admin/payments/product/add/", {**ADMIN_PRODUCT, **ADMIN_PRICE, **change})
    assert (answer.status_code, message in answer.content.decode()) == (200, True)
    assert (Product.objects.count(), ProductPrice.objects.count()) == before


def test_the_console_fills_in_what_the_floor_rate_makes_of_a_price(console: Client) -> None:
    assert console.post("/admin/payments/product/add/", {**ADMIN_PRODUCT, **ADMIN_PRICE}).status_code == 302
    assert terms_of_product(contract="skyriff", slug="dollar", currency="USD").value_cents == 613


def test_the_console_changes_floor_rates_and_refuses_impossible_ones(console: Client) -> None:
    dollars(1, 6).save()
    path = "/admin/payments/currency/USD/change/"
    refused = console.post(path, {"minor_digits": "2", "floor_cents": "0.9"})
    assert (refused.status_code, "worth less than one CNY cent" in refused.content.decode()) == (200, True)
    assert Currency.objects.get(code="USD").floor_cents == Decimal("6.2")
    assert console.post(path, {"minor_digits": "2", "floor_cents": "5.5"}).status_code == 302
    assert ProductPrice.objects.get(currency="USD").value_cents == 5
    assert console.post("/admin/payments/currency/USD/delete/", {"post": "yes"}).status_code == 403
    assert console.post("/admin/payments/currency/EUR/delete/", {"post": "yes"}).status_code == 302
    assert not Currency.objects.filter(code="EUR").exists()
