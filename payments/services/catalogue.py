"""What an order costs and brings. A client never names what it gets: a product or the base rate decides."""

from __future__ import annotations

from dataclasses import dataclass

from payments.exceptions import OrderRefused, ProductUnknown
from payments.models import Product, ProductPrice
from payments.models.product import split_at_floor
from payments.selectors.product import price_of, prices_of

BASE_CENTS = 10
"""CNY cents a credit at the base rate (contracts `video` and `studio`)."""
BASE_LEAST_CENTS, BASE_MOST_CENTS = 100, 5_000_000
"""An amount at the base rate: 1.00–50,000.00 CNY, in steps of a credit."""


@dataclass(frozen=True, slots=True)
class Terms:
    """One deal: money due (smallest unit), its worth in the books (CNY cents), and the credits it brings."""

    contract: str
    title: str
    amount_cents: int
    value_cents: int
    paid_credits: int
    bonus_credits: int
    currency: str = "CNY"
    product_id: int | None = None
    bonus_source: str = "sales"
    kind: str = Product.Kind.CREDIT_PACK.value


def terms_of_product(*, contract: str, slug: str = "", number: int | None = None, currency: str = "CNY") -> Terms:
    """The deal of a product on sale, by its slug or by its number. Raises ProductUnknown, also for another contract's."""
    price = price_of(contract=contract, slug=slug, number=number, currency=currency)
    if price is None:
        raise ProductUnknown()
    return _terms_of_price(price)


def terms_of_amount(*, contract: str, amount_cents: int) -> Terms:
    """The deal of a CNY amount at the base rate. Raises OrderRefused outside 1.00–50,000.00 or between two credits."""
    if not BASE_LEAST_CENTS <= amount_cents <= BASE_MOST_CENTS or amount_cents % BASE_CENTS:
        raise OrderRefused()
    credits_count = amount_cents // BASE_CENTS
    return Terms(contract, f"{credits_count} credits", amount_cents, amount_cents, *split_at_floor(credits_count, 0, amount_cents))


def terms_agreed(*, contract: str, amount_cents: int, currency: str, credits_count: int) -> Terms:
    """The credit pack, or else the base rate, that the client's three numbers agree with. Raises OrderRefused.

    Source: 001 §5.1, contracts/README.md "Money".
    """
    for price in prices_of(contract=contract, currency=currency, kind=Product.Kind.CREDIT_PACK):
        if (price.amount_cents, price.product.credits) == (amount_cents, credits_count):
            return _terms_of_price(price)
    if currency != "CNY":
        raise OrderRefused()
    terms = terms_of_amount(contract=contract, amount_cents=amount_cents)
    if terms.paid_credits + terms.bonus_credits != credits_count:
        raise OrderRefused()
    return terms


def _terms_of_price(price: ProductPrice) -> Terms:
    product = price.product
    paid, bonus = price.paid_and_bonus()
    return Terms(
        product.contract,
        product.name,
        price.amount_cents,
        price.value_cents,
        paid,
        bonus,
        price.currency,
        product.pk,
        kind=product.kind,
    )
