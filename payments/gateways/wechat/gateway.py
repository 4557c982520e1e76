"""WeChat Pay: orders in four ways, refunds, bills, and transfers to people."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from config.kernel import clock
from config.kernel.errors import NotConfigured
from payments.gateways.base import (
    Checkout,
    CheckoutRequest,
    OrderRef,
    Outcome,
    PayoutOutcome,
    PayoutRequest,
    PayoutStanding,
    RawNotice,
    RefundOutcome,
    RefundRequest,
    RefundStanding,
    Rejected,
    Standing,
    StatementLine,
    Temporary,
    Unknown,
    VerifiedNotice,
)
from payments.gateways.wechat import bills, fields, notices
from payments.gateways.wechat.config import WechatConfig
from payments.gateways.wechat.refusals import NOTHING_THERE, Refused, refusal_text
from payments.gateways.wechat.signing import pay_params
from payments.gateways.wechat.standings import is_ours, order_standing, payout_standing, refund_standing

log = logging.getLogger(__name__)
Found = TypeVar("Found")
BILL_AT_HOUR = 10
"""WeChat Pay has a day's bill from 10:00 (Asia/Shanghai) of the next."""


@dataclass(frozen=True, slots=True)
class WechatGateway:
    """One merchant's account. The sandbox's (demo mode) can only prove and read notices."""

    config: WechatConfig
    name: str = "wechat"
    methods: frozenset[str] = fields.METHODS

    @classmethod
    def configured(cls) -> WechatGateway:
        """The account of the settings, in demo mode without one the sandbox's. Raises NotConfigured."""
        try:
            return cls(WechatConfig.from_settings())
        except NotConfigured:
            if not settings.DEMO:
                raise
            return cls(WechatConfig.sandbox())

    def create(self, request: CheckoutRequest) -> Checkout:
        """Source: WeChat Pay v3, Native, JSAPI, H5 and APP orders. The same number with the same content is the same order."""
        order = fields.order_fields(request)
        said = self._told(lambda client: client.pay(pay_type=_pay_type(request.method), **order))
        return _read(lambda: self._checkout(request, said))

    def verify(self, notice: RawNotice) -> VerifiedNotice:
        """Source: WeChat Pay v3, Payment, Refund and Transfer Notifications: signed over time, nonce and raw body less than 300 s ago."""
        return notices.proven(self.config, notice)

    def read(self, body: bytes) -> VerifiedNotice:
        """What a stored notice says; it is opened again."""
        return notices.read(self.config, body)

    def query(self, order: OrderRef) -> Standing:
        """Source: WeChat Pay v3, Query Order by Merchant Number, which also knows orders whose answer was lost."""
        said = self._asked(lambda client: client.query(out_trade_no=order.order_uuid.hex))
        if said is None:
            return Standing(Outcome.NONE, order.order_uuid)
        return _read(lambda: order_standing(self._own(said, appid=True)))

    def close(self, order: OrderRef) -> Standing:
        """Source: WeChat Pay v3, Close Order: a yes has no words; after a no (paid, closed before, unknown) the order is asked about."""
        try:
            self._told(lambda client: client.close(order.order_uuid.hex))
        except Rejected:
            return self.query(order)
        return Standing(Outcome.CANCELLED, order.order_uuid)

    def refund(self, request: RefundRequest) -> RefundStanding:
        """Source: WeChat Pay v3, Refunds. A no counts only when WeChat Pay does not know the number: an earlier call may have arrived."""
        wanted = fields.refund_fields(request)
        try:
            said = self._told(lambda client: client.refund(**wanted))
        except Rejected:
            found = _sure(partial(self.refund_query, request))
            if found.outcome == RefundOutcome.NONE:
                raise
            return found
        return _read(lambda: _refund(request, said))

    def refund_query(self, request: RefundRequest) -> RefundStanding:
        """Source: WeChat Pay v3, Query Refund by Merchant Number."""
        said = self._asked(lambda client: client.query_refund(request.refund_uuid.hex))
        if said is None:
            return RefundStanding(RefundOutcome.NONE, request.refund_uuid, request.order_uuid)
        return _read(lambda: _refund(request, said))

    def statement(self, day: dt.date) -> list[StatementLine]:
        """Source: WeChat Pay v3, Trade Bill: all payments and refunds of a day in Asia/Shanghai, from 10:00 of the next."""
        ready_at = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(BILL_AT_HOUR), clock.SHANGHAI)
        if clock.real_now() < ready_at:
            raise Temporary("the day has no bill yet")
        said = self._asked(lambda client: client.trade_bill(day.isoformat()))
        return [] if said is None else self._bill(said)

    def payout(self, request: PayoutRequest) -> PayoutStanding:
        """Source: WeChat Pay v3, Transfer Bills: the payee confirms in WeChat. A no counts as a refund's does."""
        wanted = fields.transfer_fields(self.config, request)
        try:
            said = self._told(lambda client: client.mch_transfer_bills(**wanted))
        except Rejected:
            found = _sure(partial(self.payout_query, request))
            if found.outcome == PayoutOutcome.NONE:
                raise
            return found
        return _read(lambda: self._payout(request, said))

    def payout_query(self, request: PayoutRequest) -> PayoutStanding:
        """Source: WeChat Pay v3, Query Transfer Bill by Merchant Number; one that waits for its payee is repeated for its package."""
        said = self._asked(lambda client: client.mch_transfer_bills_query(out_bill_no=request.payout_uuid.hex))
        if said is None:
            return PayoutStanding(PayoutOutcome.NONE, request.payout_uuid)
        found = _read(lambda: self._payout(request, self._own(said)))
        return self._confirmable(request, found) if found.outcome == PayoutOutcome.CONFIRMING else found

    def _checkout(self, request: CheckoutRequest, said: dict[str, str]) -> Checkout:
        number = request.order_uuid.hex
        match request.method:
            case "native":
                return Checkout(number, code_url=said["code_url"])
            case "h5":
                return Checkout(number, said["h5_url"])
            case method:
                return Checkout(number, pay_params=pay_params(self.config, method=method, prepay_id=said["prepay_id"]))

    def _payout(self, request: PayoutRequest, said: dict[str, Any]) -> PayoutStanding:
        found = payout_standing(self.config, said, amount_cents=request.amount_cents)
        _agree(found.payout_uuid, request.payout_uuid)
        return found

    def _confirmable(self, request: PayoutRequest, found: PayoutStanding) -> PayoutStanding:
        """What the payee's app needs is told only to who repeats the transfer under its own number; without it, what was found."""
        try:
            said = self._told(lambda client: client.mch_transfer_bills(**fields.transfer_fields(self.config, request)))
            again = _read(lambda: self._payout(request, said))
        except (Rejected, Temporary):
            return found
        return again if again.outcome == PayoutOutcome.CONFIRMING else found

    def _own(self, said: dict[str, Any], *, appid: bool = False) -> dict[str, Any]:
        if not is_ours(self.config, said, appid=appid):
            raise ValueError("another merchant's")
        return said

    def _bill(self, said: dict[str, str]) -> list[StatementLine]:
        """The bill's own address is taken only for its path: what is signed for WeChat Pay goes nowhere else."""
        where = _read(lambda: urlsplit(said["download_url"]))
        packed = self._asked(lambda client: client.download_bill(f"{where.path}?{where.query}"))
        return _read(lambda: list(bills.lines_of(bills.unpacked(packed, said["hash_value"]))))

    def _told(self, call: Callable[[Any], Any]) -> Any:
        """The answer to a request for a deed. Raises Rejected, Temporary, Unknown."""
        try:
            return call(_client(self.config))
        except Refused as error:
            raise Rejected(refusal_text(error.code)) from error

    def _asked(self, call: Callable[[Any], Any]) -> Any:
        """The answer to a question, None if there is provenly no such thing; a question that is refused says nothing of the money."""
        try:
            return call(_client(self.config))
        except Refused as error:
            if error.code in NOTHING_THERE and error.is_proven:
                return None
            raise Temporary(error.code) from error


def _client(config: WechatConfig) -> Any:
    from payments.gateways.wechat.client import client_of  # the library costs memory; proving notices needs none of it

    return client_of(config)


def _pay_type(method: str) -> Any:
    from payments.gateways.wechat.client import pay_type

    return pay_type(method)


def _read(work: Callable[[], Found]) -> Found:
    """An answer that makes no sense is as good as none. Raises Unknown."""
    try:
        return work()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("an answer of WeChat Pay makes no sense: %s", type(error).__name__)
        raise Unknown("unreadable") from error


def _sure(ask: Callable[[], Found]) -> Found:
    """What a question says after a no that may have been a yes before. Raises Unknown when it says nothing."""
    try:
        return ask()
    except Temporary as error:
        raise Unknown("refused, and not to be asked") from error


def _refund(request: RefundRequest, said: dict[str, Any]) -> RefundStanding:
    found = refund_standing(said, status="status")
    _agree(found.refund_uuid, request.refund_uuid)
    return found


def _agree(said: UUID | None, ours: UUID) -> None:
    if said != ours:
        raise ValueError("another number's answer")
