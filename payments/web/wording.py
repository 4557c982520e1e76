"""How the pages of money call things."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from accounts.web.client import user_agent
from config.kernel.errors import NotConfigured
from credits.api.reference import Subjects
from credits.selectors.wallet import LedgerRow
from generation.web.wording import kind_label
from payments.gateways.registry import checkout_gateway
from payments.models import Order, Product, Withdrawal
from payments.states import NoticeFate, OrderState, RefundState, WithdrawalState

Channel, Method = Order.Channel, Order.Method
SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "HKD": "HK$", "JPY": "¥"}
CHANNELS: dict[str, str | Promise] = {
    Channel.WECHAT: _("WeChat Pay"),
    Channel.ALIPAY: _("Alipay"),
    Channel.STRIPE: _("Bank card"),
    Channel.BALANCE: _("Paid credits"),
    Channel.SANDBOX: _("Sandbox"),
}
ORDER_STATES: dict[str, tuple[str, str | Promise]] = {
    OrderState.PENDING: ("wait", _("to be paid")),
    OrderState.SUCCEEDED: ("ok", _("paid")),
    OrderState.FAILED: ("error", _("failed")),
    OrderState.CANCELLED: ("", _("cancelled")),
    OrderState.EXPIRED: ("", _("expired")),
    OrderState.REFUNDED: ("", _("refunded")),
    OrderState.PARTIAL_REFUNDED: ("", _("refunded in part")),
}
REFUND_STATES: dict[str, str | Promise] = {
    RefundState.REQUESTED: _("asked for, waits for an operator"),
    RefundState.WAITING: _("waits for a second operator"),
    RefundState.REJECTED: _("refused"),
    RefundState.SENDING: _("on its way"),
    RefundState.PROCESSING: _("on its way"),
    RefundState.SUCCEEDED: _("paid back"),
    RefundState.FAILED: _("failed; the credits are back"),
}
WITHDRAWAL_STATES: dict[str, tuple[str, str | Promise]] = {
    WithdrawalState.APPLIED: ("wait", _("waits for an operator")),
    WithdrawalState.APPROVED: ("now", _("approved")),
    WithdrawalState.SENDING: ("now", _("on its way")),
    WithdrawalState.UNKNOWN: ("now", _("on its way")),
    WithdrawalState.PAID: ("ok", _("paid")),
    WithdrawalState.REJECTED: ("", _("refused; the coins are back")),
}
METHODS: dict[str, str | Promise] = {
    Withdrawal.Method.ALIPAY: _("Alipay"),
    Withdrawal.Method.WECHAT: _("WeChat"),
    Withdrawal.Method.BANK_CARD: _("Bank card"),
}
FATES: dict[str, str | Promise] = {
    NoticeFate.RECEIVED: _("it is being worked on"),
    NoticeFate.FULFILLED: _("the credits were added"),
    NoticeFate.RECORDED: _("it was noted"),
    NoticeFate.SUPERSEDED: _("it was known already"),
    NoticeFate.REFUSED: _("it was refused"),
    NoticeFate.IGNORED: _("it said nothing about this order"),
    NoticeFate.UNPROVEN: _("it was not proven"),
}
LEDGER: dict[str, str | Promise] = {
    "recharge": _("Bought"),
    "gift": _("Gift"),
    "spend": _("Made"),
    "refund": _("Returned"),
    "hold": _("Held"),
    "release": _("Released"),
    "tip": _("Tip"),
    "unlock": _("Prompt unlocked"),
    "remix": _("Remix fee"),
    "commission": _("Commission"),
    "claim": _("Daily claim"),
    "adjust": _("Correction"),
    "withdraw": _("Withdrawal"),
}
REASONS: dict[str, str | Promise] = {
    "sign-up": _("Sign-up gift"),
    "refund": _("Taken back for a refund"),
    "dispute": _("A payment was disputed"),
    "mature": _("Coins have matured"),
    "forfeit": _("The account was closed"),
    "card": _("Monthly card"),
}
FILTERS = {
    "out": ("spend", "tip", "unlock", "remix", "hold", "withdraw"),
    "in": ("recharge", "gift", "commission", "claim"),
    "back": ("refund", "release", "adjust"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger as the page says it."""

    name: str | Promise
    text: str | Promise
    link: str


def money(amount_cents: int, currency: str = "CNY") -> str:
    """¥1,284.00; a currency without decimals has none."""
    whole = currency in {"JPY", "KRW", "VND"}
    amount = f"{amount_cents:,}" if whole else f"{amount_cents / 100:,.2f}"
    return f"{SYMBOLS.get(currency, currency + ' ')}{amount}"


def coins_text(hundredths: int) -> str:
    """Hundredths of coins as 1,284.50."""
    return f"{hundredths / 100:,.2f}"


def product_name(product: Product) -> str:
    """The product's name in the page's language."""
    return product.name_en if product.name_en and (get_language() or "").startswith("en") else product.name


def title_of(order: Order) -> str:
    """What was bought, in the page's language."""
    if order.product is not None:
        return product_name(order.product)
    return gettext("%(n)s credits") % {"n": f"{order.credits:,}"}


def entry_of(row: LedgerRow, subjects: Subjects) -> Entry:
    """What a line of the ledger is about, and where that stands."""
    subject, _colon, number = row.reference.partition(":")
    name = LEDGER.get(row.kind, row.kind)
    order, task_kind = subjects.order(row), subjects.task_kind(row)
    if order is not None:
        return Entry(LEDGER["recharge"], title_of(order), reverse("order", args=[order.uuid]))
    if task_kind:
        return Entry(name, kind_label(task_kind), reverse("task", args=[number]))
    if subject == "withdrawal":
        return Entry(name, _("Withdrawal"), reverse("withdraw"))
    return Entry(name, REASONS.get(subject, row.reference), "")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay that is open here."""

    name: str
    label: str | Promise


def ways_to_pay(*, balance: bool = False) -> list[Way]:
    """The channels that take orders on this server now; paid credits too where they may pay (`balance`)."""
    found = [name for name in (Channel.WECHAT, Channel.ALIPAY, Channel.STRIPE) if _is_open(name)]
    return [Way(name, CHANNELS[name]) for name in [*found, *([Channel.BALANCE] if balance else [])]]


def method_for(channel: str, request: HttpRequest) -> str:
    """How `channel` takes money from this browser: a phone is led to its app, a computer shows a code or a page."""
    is_phone = "Mobi" in user_agent(request)
    if channel == Channel.WECHAT:
        return Method.H5 if is_phone else Method.NATIVE
    if channel == Channel.ALIPAY:
        return Method.WAP if is_phone else Method.PAGE
    return Method.CHECKOUT


def cny_of(hundredths: int) -> int:
    """What coins are worth, in whole CNY cents, rounded down."""
    return hundredths // settings.COINS_PER_CNY


def _is_open(channel: str) -> bool:
    try:
        checkout_gateway(channel)
    except NotConfigured:
        return False
    return True
