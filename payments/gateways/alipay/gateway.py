"""Alipay as a gateway of ours: payments, refunds, bills, payouts."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext

from config.kernel import clock
from config.kernel.errors import NotConfigured
from payments.gateways.alipay import bill, notices, trades, transfers, verdicts
from payments.gateways.alipay.config import AlipayConfig
from payments.gateways.alipay.signing import order_string
from payments.gateways.alipay.wire import Refused, call, request_fields
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

log = logging.getLogger(__name__)
BILL_READY = dt.time(12)
"""Bills of a day are there the next morning, sometimes later; a day without one by noon had no trade."""


@dataclass(frozen=True, slots=True)
class AlipayGateway:
    """One application at Alipay. The sandbox's calls nobody: it can only prove and read notices."""

    config: AlipayConfig
    name: str = "alipay"
    methods: frozenset[str] = frozenset(trades.PAGES)

    @classmethod
    def configured(cls) -> AlipayGateway:
        """The application of the settings, in demo mode without one that of the sandbox. Raises NotConfigured."""
        try:
            return cls(AlipayConfig.from_settings())
        except NotConfigured:
            if not settings.DEMO:
                raise
        return cls(AlipayConfig.sandbox())

    def create(self, request: CheckoutRequest) -> Checkout:
        """No call is made: the signed address or string is the checkout, and the trade begins when the payer arrives there.

        Source: opendocs.alipay.com, alipay.trade.page.pay, .wap.pay, .app.pay. Raises Rejected, Temporary.
        """
        page = trades.page_of(request)
        if not self.config.gateway:
            raise Temporary("this application only reads notices")
        more = {"notify_url": self.config.notify_url}
        if request.method != "app":
            more["return_url"] = request.return_url
        signed = order_string(self.config, request_fields(self.config, page.method, trades.checkout_content(request, page), **more))
        if request.method == "app":
            return Checkout(request.order_uuid.hex, pay_params={"order_string": signed})
        return Checkout(request.order_uuid.hex, payment_url=f"{self.config.gateway}?{signed}")

    def verify(self, notice: RawNotice) -> VerifiedNotice:
        """Source: opendocs.alipay.com, asynchronous notices: RSA2 over the sorted form, `app_id`, `seller_id`, `notify_time`."""
        return notices.proven(notice, self.config)

    def read(self, body: bytes) -> VerifiedNotice:
        """What a stored notice says."""
        return notices.read(body)

    def query(self, order: OrderRef) -> Standing:
        """Source: opendocs.alipay.com, alipay.trade.query. Before the payer arrives Alipay knows no trade: it is open."""
        with _sense(), _refusals({}):
            try:
                return trades.standing_of(order, call(self.config, "alipay.trade.query", {"out_trade_no": order.order_uuid.hex}))
            except Refused as refused:
                if refused.sub_code != verdicts.NO_TRADE:
                    raise
                return Standing(Outcome.OPEN, order.order_uuid, order.order_uuid.hex)

    def close(self, order: OrderRef) -> Standing:
        """Source: opendocs.alipay.com, alipay.trade.close (unpaid ones only; about any other Alipay is asked).

        A trade that no payer has begun cannot be closed, and its address lives until `time_expire`: NONE, late money is honoured.
        """
        number = order.order_uuid.hex
        with _refusals({}):
            try:
                call(self.config, "alipay.trade.close", {"out_trade_no": number})
            except Refused as refused:
                if refused.sub_code == verdicts.NO_TRADE:
                    return Standing(Outcome.NONE, order.order_uuid, number)
                if refused.sub_code not in verdicts.NOT_TO_BE_CLOSED:
                    raise
                return self.query(order)
        return Standing(Outcome.CANCELLED, order.order_uuid, number)

    def refund(self, request: RefundRequest) -> RefundStanding:
        """Source: opendocs.alipay.com, alipay.trade.refund. Where this call moved nothing new, Alipay is asked what did."""
        with _sense(), _refusals(verdicts.REFUND_FINAL, verdicts.REFUND_LATER):
            answer = call(self.config, "alipay.trade.refund", trades.refund_content(request))
            if answer.get("fund_change") == "Y":
                return trades.refund_done(request, answer)
        found = self.refund_query(request)
        if found.outcome != RefundOutcome.NONE:
            return found
        return trades.refund_standing(request, RefundOutcome.PROCESSING, {})

    def refund_query(self, request: RefundRequest) -> RefundStanding:
        """Source: opendocs.alipay.com, alipay.trade.fastpay.refund.query: done is only what says REFUND_SUCCESS."""
        asked = {"out_trade_no": request.order_uuid.hex, "out_request_no": request.refund_uuid.hex}
        with _sense(), _refusals({}):
            try:
                return trades.refund_found(request, call(self.config, "alipay.trade.fastpay.refund.query", asked))
            except Refused as refused:
                if refused.sub_code != verdicts.NO_TRADE:
                    raise
                return trades.refund_standing(request, RefundOutcome.NONE, {})

    def statement(self, day: dt.date) -> list[StatementLine]:
        """Source: opendocs.alipay.com, alipay.data.dataservice.bill.downloadurl.query (`trade`). Days are Beijing's."""
        with _refusals({}):
            try:
                answer = call(self.config, "alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": f"{day}"})
            except Refused as refused:
                if refused.sub_code != verdicts.NO_BILL:
                    raise
                if clock.real_now() < dt.datetime.combine(day + dt.timedelta(days=1), BILL_READY, clock.SHANGHAI):
                    raise Temporary("the bill is not ready") from None
                return []
        return bill.lines(bill.fetched(self.config, str(answer.get("bill_download_url", ""))))

    def payout(self, request: PayoutRequest) -> PayoutStanding:
        """Source: opendocs.alipay.com, alipay.fund.trans.uni.transfer (certificate mode). The same number is the same transfer."""
        if not self.config.has_certificates:
            raise Rejected(gettext("Payouts by Alipay need its certificate mode."))
        content = transfers.transfer_content(request)
        with _sense(), _refusals(verdicts.PAYOUT_FINAL, verdicts.PAYOUT_LATER):
            return transfers.standing_of(request, call(self.config, "alipay.fund.trans.uni.transfer", content))

    def payout_query(self, request: PayoutRequest) -> PayoutStanding:
        """Source: opendocs.alipay.com, alipay.fund.trans.common.query."""
        with _sense(), _refusals({}):
            try:
                return transfers.standing_of(request, call(self.config, "alipay.fund.trans.common.query", transfers.query_content(request)))
            except Refused as refused:
                if refused.sub_code != verdicts.NO_TRANSFER:
                    raise
                return PayoutStanding(PayoutOutcome.NONE, request.payout_uuid)


@contextmanager
def _refusals(final: Mapping[str, str], later: frozenset[str] = frozenset()) -> Iterator[None]:
    """Within: Alipay's refusals leave as Rejected (`final` says the words), Temporary or Unknown."""
    try:
        yield
    except Refused as refused:
        raise verdicts.verdict(refused, final, later) from None


@contextmanager
def _sense() -> Iterator[None]:
    """Within: a signed answer that makes no sense, or speaks of something else, leaves as Unknown."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        log.error("alipay: a signed answer makes no sense: %s", type(error).__name__)
        raise Unknown("senseless") from error
