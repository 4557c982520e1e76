"""Every example of document 004, §4, §9, §10 and §13, executed; every answer is held against the schema."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from config.kernel import clock
from payments.models import MonthlyCard, Order, Product, Withdrawal
from payments.services.refund import refund_create
from payments.states import WithdrawalState
from tests.conftest import UserFactory
from tests.contracts.client import ContractClient
from tests.contracts.people import matured, paid_at_the_sandbox, path_of, tipped
from tests.contracts.skyriff.conftest import MakeSomebody

pytestmark = pytest.mark.django_db
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
PAYEE = {"account": "user@example.com", "name": "张三"}


def product(slug: str) -> int:
    """The number of a product of the document's catalogue."""
    return Product.objects.get(contract="skyriff", slug=slug).number or 0


def withdrawal_body(amount: Any, method: Any = "alipay", account: Any = None) -> dict[str, Any]:
    return {"amount_cny": amount, "method": method, "account_info": PAYEE if account is None else account}


def creator(somebody: MakeSomebody, coins: int) -> Any:
    """Somebody with so many available coins, out of paid credits of somebody else."""
    credits = -(-coins * 10 // 9)
    made, payer = somebody(), somebody(paid=credits)
    tipped(payer.user, made.user, credits)
    matured()
    return made


class TestWallet:
    def test_wallets_example(self, somebody: MakeSomebody) -> None:
        payer, payee = somebody(paid=200), somebody(paid=30, bonus=20)
        tipped(payer.user, payee.user, 50)
        tipped(payer.user, payee.user, 5, kind="unlock")
        data = payee.client.get("/v1/me/wallets").data
        assert (data["code"], data["message"]) == (0, "success")
        assert data["data"]["credits"] == {"balance": 50}
        assert (data["data"]["coins"]["available"], data["data"]["coins"]["pending"]) == (0.0, 49.5)
        details = data["data"]["coins"]["pending_details"]
        assert [(row["amount"], row["source"]) for row in details] == [(45.0, "打赏收入"), (4.5, "提示词收入")]
        assert all(re.fullmatch(TIME, row["unlock_at"]) for row in details)
        matured()
        coins = payee.client.get("/v1/me/wallets").data["data"]["coins"]
        assert coins == {"available": 49.5, "pending": 0.0, "pending_details": []}

    def test_ledgers_example(self, somebody: MakeSomebody) -> None:
        someone = somebody()
        made = someone.client.post("/v1/payments/create", {"product_id": product("credits-30"), "pay_channel": "wechat"})
        paid_at_the_sandbox(Order.objects.get(pk=made.data["data"]["payment_id"]))
        data = someone.client.get("/v1/wallet/ledgers").data["data"]
        row = data["items"][0]
        assert (data["has_more"], data["next_cursor"], len(data["items"])) == (False, None, 1)
        assert re.fullmatch(TIME, row.pop("created_at"))
        assert isinstance(row.pop("ledger_id"), int)
        assert row == {"type": "recharge", "amount": 600, "balance_after": 600, "description": "充值30元"}

    def test_a_refund_is_named(self, somebody: MakeSomebody, user_factory: UserFactory) -> None:
        someone, operator = somebody(paid=100), user_factory(is_staff=True)
        refund_create(
            order_id=Order.objects.get(user=someone.user).pk, operator=operator, amount_cents=1000, reason="asked for it",
            idempotency_key="k", at=clock.now(),
        )  # fmt: skip
        row = someone.client.get("/v1/wallet/ledgers").data["data"]["items"][0]
        assert (row["type"], row["amount"], row["balance_after"], row["description"]) == ("adjust", -100, 0, "支付退款")

    def test_coins_are_told_in_coins(self, somebody: MakeSomebody) -> None:
        payer, payee = somebody(paid=100), somebody()
        tipped(payer.user, payee.user, 20)
        (row,) = payee.client.get("/v1/wallet/ledgers?type=coins").data["data"]["items"]
        assert (row["type"], row["amount"], row["balance_after"], row["description"]) == ("tip_income", 18.0, 18.0, "打赏收入")
        (spent, *_) = payer.client.get("/v1/wallet/ledgers?type=credits").data["data"]["items"]
        assert (spent["type"], spent["amount"], spent["balance_after"]) == ("tip", -20, 80)

    def test_pages_follow_each_other_without_gap(self, somebody: MakeSomebody) -> None:
        payer, payee = somebody(paid=100), somebody()
        for amount in range(1, 8):
            tipped(payer.user, payee.user, amount)
        seen, cursor = [], ""
        for _ in range(5):
            page = payer.client.get(f"/v1/wallet/ledgers?limit=2{cursor}").data["data"]
            seen += [row["amount"] for row in page["items"]]
            cursor = f"&cursor={page['next_cursor']}"
            if not page["has_more"]:
                break
        assert seen == [-7, -6, -5, -4, -3, -2, -1, 100]


class TestProducts:
    def test_products_example_needs_no_sign_in(self) -> None:
        data = ContractClient("skyriff").get("/v1/products").data
        assert (data["code"], data["message"]) == (0, "success")
        first, second, card = data["data"]["items"]
        assert first == {
            "product_id": product("credits-6"), "type": "credits_pack", "name": "6元充值包", "price_cny": 6.0, "credits_amount": 120,
            "description": "可生成12个10秒视频",
        }  # fmt: skip
        assert (second["price_cny"], second["credits_amount"]) == (30.0, 600)
        assert (card["type"], card["price_cny"], card["credits_amount"]) == ("subscription_monthly", 29.0, 900)

    @pytest.mark.parametrize(("word", "count"), [("credits_pack", 2), ("subscription_monthly", 1), ("coins_pack", 0)])
    def test_types(self, word: str, count: int) -> None:
        assert len(ContractClient("skyriff").get(f"/v1/products?type={word}").data["data"]["items"]) == count

    def test_an_unknown_type_is_2400(self) -> None:
        answer = ContractClient("skyriff").get("/v1/products?type=gold")
        assert (answer.status_code, answer.data["code"]) == (400, 2400)
        assert answer.data["data"]["errors"][0]["field"] == "type"


class TestPayments:
    def test_create_example_to_the_credits(self, somebody: MakeSomebody) -> None:
        someone = somebody()
        answer = someone.client.post("/v1/payments/create", {"product_id": product("credits-30"), "pay_channel": "wechat"})
        data = answer.data["data"]
        order = Order.objects.get(pk=data["payment_id"])
        assert (answer.data["code"], answer.data["message"]) == (0, "支付单创建成功")
        assert (data["amount_cny"], order.channel, order.method, order.user_id) == (30.0, "wechat", "app", someone.user.pk)
        assert set(data["pay_params"]) == {"app_id", "partner_id", "prepay_id", "package", "noncestr", "timestamp", "sign"}
        assert data["pay_params"]["package"] == "Sign=WXPay"
        assert re.fullmatch(TIME, data["expire_at"])
        paid = someone.client.http.post(path_of(data["payment_url"]), {"outcome": "paid"}, content_type="application/json")
        assert paid.status_code in (200, 302)
        assert someone.client.get("/v1/me/wallets").data["data"]["credits"] == {"balance": 600}

    def test_alipay_hands_an_order_string_to_the_app(self, somebody: MakeSomebody) -> None:
        answer = somebody().client.post("/v1/payments/create", {"product_id": product("credits-6"), "pay_channel": "alipay"})
        assert "sign=" in answer.data["data"]["pay_params"]["order_string"]

    def test_a_promoter_is_not_bought_here(self, somebody: MakeSomebody) -> None:
        answer = somebody().client.post("/v1/payments/create", {"product_id": product("promoter"), "pay_channel": "wechat"})
        assert (answer.status_code, answer.data["code"]) == (404, 2000)

    def test_the_same_key_is_the_same_payment(self, somebody: MakeSomebody) -> None:
        someone, body = somebody(), {"product_id": product("credits-6"), "pay_channel": "wechat"}
        first = someone.client.post("/v1/payments/create", body, Idempotency_Key="one")
        again = someone.client.post("/v1/payments/create", body, Idempotency_Key="one")
        assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
        assert Order.objects.count() == 1
        other = someone.client.post("/v1/payments/create", {**body, "pay_channel": "alipay"}, Idempotency_Key="one")
        assert (other.status_code, other.data["code"]) == (409, 2409)


class TestCards:
    def test_no_card_example(self, somebody: MakeSomebody) -> None:
        assert somebody().client.get("/v1/subscriptions/me").data["data"] == {"active_subscription": None}

    def test_buy_claim_and_read_examples(self, somebody: MakeSomebody, clock: Any) -> None:
        someone = somebody()
        answer = someone.client.post("/v1/subscriptions/buy", {"product_id": product("monthly-card"), "pay_channel": "wechat"})
        data = answer.data["data"]
        card = MonthlyCard.objects.get(order_id=data["payment_id"])
        assert (answer.data["message"], data["amount_cny"], data["subscription_id"]) == ("支付单创建成功", 29.0, card.pk)
        assert someone.client.get("/v1/subscriptions/me").data["data"] == {"active_subscription": None}
        paid_at_the_sandbox(card.order)
        shown = someone.client.get("/v1/subscriptions/me").data["data"]["active_subscription"]
        assert (shown["subscription_id"], shown["days_remaining"], shown["today_claimed"]) == (card.pk, 30, False)
        assert re.fullmatch(TIME, shown["start_at"])
        assert shown["end_at"].endswith("T15:59:59Z")
        claimed = someone.client.post("/v1/subscriptions/claim_daily").data
        assert claimed == {"code": 0, "message": "领取成功", "data": {"credits_claimed": 30, "new_balance": 30}}
        assert someone.client.get("/v1/subscriptions/me").data["data"]["active_subscription"]["today_claimed"] is True
        again = someone.client.post("/v1/subscriptions/claim_daily")
        assert (again.status_code, again.data["code"], again.data["message"]) == (400, 2003, "今日已领取，明天再来")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT16:00:00Z", again.data["data"]["next_claim_at"])
        clock.advance(days=1)
        assert someone.client.post("/v1/subscriptions/claim_daily").data["data"]["new_balance"] == 60

    def test_a_claim_without_a_card_is_2002(self, somebody: MakeSomebody) -> None:
        answer = somebody().client.post("/v1/subscriptions/claim_daily")
        assert (answer.status_code, answer.data["code"], answer.data["data"]) == (403, 2002, None)

    def test_only_cards_are_bought_as_cards(self, somebody: MakeSomebody) -> None:
        answer = somebody().client.post("/v1/subscriptions/buy", {"product_id": product("credits-6"), "pay_channel": "wechat"})
        assert (answer.status_code, answer.data["code"]) == (404, 2000)
        assert not Order.objects.exists()


class TestWithdrawals:
    def test_create_example(self, somebody: MakeSomebody) -> None:
        someone = creator(somebody, 4500)
        answer = someone.client.post("/v1/withdrawals/create", withdrawal_body(150.00))
        withdrawal = Withdrawal.objects.get()
        assert answer.data == {
            "code": 0,
            "message": "提现申请已提交",
            "data": {"withdrawal_id": withdrawal.pk, "amount_cny": 150.0, "status": "applied", "estimated_arrival": "1-3个工作日"},
        }
        assert (withdrawal.amount_cents, someone.wallet.coins, someone.wallet.coins_leaving) == (15_000, 150_000, 300_000)

    def test_too_little_example(self, somebody: MakeSomebody) -> None:
        someone = creator(somebody, 1710)
        answer = someone.client.post("/v1/withdrawals/create", withdrawal_body(150.00))
        assert (answer.status_code, answer.data) == (
            400, {"code": 2005, "message": "可提现余额不足", "data": {"available": 85.5, "required": 150.0}},
        )  # fmt: skip
        assert not Withdrawal.objects.exists()

    @pytest.mark.parametrize(
        ("state", "word"),
        [
            (WithdrawalState.APPLIED, "applied"), (WithdrawalState.APPROVED, "approved"), (WithdrawalState.SENDING, "approved"),
            (WithdrawalState.UNKNOWN, "approved"), (WithdrawalState.PAID, "paid"), (WithdrawalState.REJECTED, "rejected"),
        ],
    )  # fmt: skip
    def test_list_example_in_four_states(self, somebody: MakeSomebody, state: str, word: str) -> None:
        someone = creator(somebody, 2000)
        made = someone.client.post("/v1/withdrawals/create", withdrawal_body(100)).data["data"]
        Withdrawal.objects.update(status=state, processed_at=dt.datetime(2026, 1, 16, 14, 30, tzinfo=dt.UTC))
        data = someone.client.get("/v1/withdrawals/me").data["data"]
        (row,) = data["items"]
        assert re.fullmatch(TIME, row.pop("created_at"))
        assert row == {
            "withdrawal_id": made["withdrawal_id"], "amount_cny": 100.0, "method": "alipay", "status": word,
            "processed_at": "2026-01-16T14:30:00Z",
        }  # fmt: skip
        assert (data["next_cursor"], data["has_more"]) == (None, False)

    def test_the_same_key_is_the_same_withdrawal(self, somebody: MakeSomebody) -> None:
        someone = creator(somebody, 4500)
        first = someone.client.post("/v1/withdrawals/create", withdrawal_body(100), Idempotency_Key="k")
        assert someone.client.post("/v1/withdrawals/create", withdrawal_body(100), Idempotency_Key="k").content == first.content
        assert someone.wallet.coins_leaving == 200_000
