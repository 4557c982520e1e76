"""Withdrawals: coins leave once, come back once, and become money once, whatever the gateway says or does not say."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from accounts.exceptions import IdempotencyConflict
from accounts.models import Event, Identity
from accounts.services.password import password_set
from accounts.services.user import user_create
from config.kernel import clock as kernel_clock
from config.kernel.errors import DomainError, InvalidInput, NotConfigured
from credits.models import Posting, Wallet
from credits.services.wallet import mature, transfer
from payments.exceptions import AmountNotAllowed, DecisionRefused, WithdrawableTooSmall, WithdrawalBlocked
from payments.gateways.base import PayoutOutcome, PayoutRequest, PayoutStanding, Rejected, Temporary, Unknown
from payments.gateways.registry import payout_gateway
from payments.models import Alarm, Payout, SandboxTransfer, Withdrawal
from payments.selectors.withdrawal import withdrawals_page
from payments.services.deletion import deletion_blocker
from payments.services.payee import payee_of
from payments.services.payout import payout_ask_due, payout_look_up, payout_settle, withdrawal_pay
from payments.services.withdrawal import (
    withdrawal_apply,
    withdrawal_approve,
    withdrawal_paid_by_hand,
    withdrawal_reject,
    withdrawal_reject_for_dispute,
)
from payments.states import WITHDRAWAL_EDGES, WithdrawalState, before

ALIPAY = {"account": "creator@example.com", "name": "张三"}
CENTS = 10_000
COINS = CENTS * 20


@pytest.fixture
def demo(settings: Any) -> None:
    settings.DEMO = True


@pytest.fixture
def creator(demo: None, user_factory: Any, clock: Any) -> Any:
    """A creator with 2,250.00 coins that have matured: 112.50 CNY."""
    payer, user = user_factory(paid=2_500), user_factory(bonus=0)
    transfer(from_user_id=payer.pk, to_user_id=user.pk, key="tip", kind="tip", ref="work:1", amount=2_500, at=kernel_clock.now())
    clock.advance(days=8)
    mature(at=kernel_clock.now())
    return user


@pytest.fixture
def operators(db: None) -> tuple[Any, Any]:
    return user_create(username="first-operator", is_staff=True), user_create(username="second-operator", is_staff=True)


def apply(user: Any, *, cents: int = CENTS, key: str = "one", account: dict[str, str] = ALIPAY, method: str = "alipay") -> Withdrawal:
    return withdrawal_apply(user_id=user.pk, amount_cents=cents, method=method, account=account, idempotency_key=key, at=kernel_clock.now())


def approved(user: Any, operator: Any, **how: Any) -> Withdrawal:
    return withdrawal_approve(withdrawal_id=apply(user, **how).pk, operator=operator, reason="known", at=kernel_clock.now())


def coins(user: Any) -> tuple[int, int]:
    wallet = Wallet.objects.get(pk=user.pk)
    return wallet.coins, wallet.coins_leaving


def events(user: Any) -> list[str]:
    return list(Event.objects.filter(user=user, kind__startswith="withdrawal").order_by("number").values_list("kind", flat=True))


def payouts_posted() -> int:
    return Posting.objects.filter(account="payouts", unit="cny").count()


@pytest.mark.django_db
class TestApplying:
    def test_takes_the_coins_out_of_reach_and_shows_the_account_masked(self, creator: Any) -> None:
        withdrawal = apply(creator)
        assert coins(creator) == (225_000 - COINS, COINS)
        assert withdrawal.account_shown == "crea***.com 张*"
        stored = Withdrawal.objects.extra(select={"raw": "account"}).values_list("raw", flat=True).get(pk=withdrawal.pk)
        assert "creator@example.com" not in str(stored)
        assert events(creator) == ["withdrawal.applied"]

    def test_the_same_key_is_the_same_withdrawal_and_other_input_under_it_is_refused(self, creator: Any) -> None:
        first = apply(creator)
        assert apply(creator).pk == first.pk
        with pytest.raises(IdempotencyConflict):
            apply(creator, account={**ALIPAY, "name": "李四"})
        assert coins(creator)[1] == COINS

    @pytest.mark.parametrize("cents", [-1, 0, 1, 9_999, 5_000_001, 10**15])
    def test_refuses_amounts_outside_the_limits(self, creator: Any, cents: int) -> None:
        with pytest.raises(AmountNotAllowed):
            apply(creator, cents=cents)
        assert coins(creator) == (225_000, 0)

    def test_refuses_more_than_is_there_and_says_how_much(self, creator: Any) -> None:
        with pytest.raises(WithdrawableTooSmall) as caught:
            apply(creator, cents=20_000)
        assert caught.value.params == {"available_cents": 11_250, "required_cents": 20_000}
        assert not Withdrawal.objects.exists()
        assert coins(creator) == (225_000, 0)

    @pytest.mark.parametrize(
        ("method", "account"),
        [
            ("alipay", {}),
            ("alipay", {"account": "creator@example.com"}),
            ("alipay", {"account": "no account", "name": "张三"}),
            ("alipay", {"account": ["creator@example.com"], "name": {"a": 1}}),
            ("wechat", {"name": "张三"}),
            ("wechat", {"openid": "a b"}),
            ("bank_card", {"account": "1234", "name": "张三", "bank": "ICBC"}),
            ("bank_card", {"account": "6222020200112233445", "name": "张\x00三", "bank": "ICBC"}),
            ("cheque", {"account": "x", "name": "y"}),
            ("alipay", {"account": "a@b.cn", "name": "张" * 101}),
        ],
    )
    def test_refuses_a_payee_that_is_not_whole(self, creator: Any, method: str, account: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            apply(creator, method=method, account=account)
        assert coins(creator) == (225_000, 0)

    def test_a_payee_is_never_printed(self) -> None:
        assert "creator@example.com" not in repr(payee_of(method="alipay", account=ALIPAY))

    def test_flags_a_new_phone_a_new_password_and_another_payee(self, creator: Any, operators: Any, clock: Any) -> None:
        first, _ = operators
        withdrawal_reject(withdrawal_id=apply(creator).pk, operator=first, answer="not now", at=kernel_clock.now())
        assert apply(creator, key="two").flags == []
        password_set(user_id=creator.pk, password="another pass phrase")
        moment = kernel_clock.now()
        Identity.objects.create(user=creator, kind="phone", subject="+8613800138000", verified_at=moment)
        payer = user_create(username="payer-two")
        del payer
        flagged = apply_small(creator)
        assert flagged.flags == ["password_changed", "payee_changed", "phone_changed"]

    def test_a_change_after_the_application_is_seen_at_the_approval(self, creator: Any, operators: Any) -> None:
        withdrawal = apply(creator)
        password_set(user_id=creator.pk, password="another pass phrase")
        with pytest.raises(DecisionRefused):
            withdrawal_approve(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        done = withdrawal_approve(withdrawal_id=withdrawal.pk, operator=operators[0], reason="called back", at=kernel_clock.now())
        assert (done.status, done.flags) == ("approved", ["password_changed"])


def apply_small(user: Any) -> Withdrawal:
    """One more withdrawal of what is left, to another payee: the least is lowered for it."""
    from django.test import override_settings

    with override_settings(WITHDRAWAL_LEAST_CENTS=100):
        return apply(user, cents=500, key="three", account={**ALIPAY, "account": "other@example.com"})


@pytest.mark.django_db
class TestDeciding:
    def test_one_operator_approves_and_the_gateway_pays(self, creator: Any, operators: Any) -> None:
        withdrawal = approved(creator, operators[0])
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        withdrawal.refresh_from_db()
        assert (withdrawal.status, payout.state) == ("paid", "paid")
        assert coins(creator) == (225_000 - COINS, 0)
        assert payouts_posted() == 1
        assert events(creator) == ["withdrawal.applied", "withdrawal.approved", "withdrawal.paid"]

    def test_a_rejected_one_gives_the_coins_back_once(self, creator: Any, operators: Any) -> None:
        withdrawal = withdrawal_reject(withdrawal_id=apply(creator).pk, operator=operators[0], answer="name differs", at=kernel_clock.now())
        assert (withdrawal.status, withdrawal.answer) == ("rejected", "name differs")
        assert coins(creator) == (225_000, 0)
        with pytest.raises(DecisionRefused):
            withdrawal_reject(withdrawal_id=withdrawal.pk, operator=operators[0], answer="again", at=kernel_clock.now())
        with pytest.raises(DecisionRefused):
            withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        assert coins(creator) == (225_000, 0)

    def test_a_rejection_without_a_reason_is_refused(self, creator: Any, operators: Any) -> None:
        with pytest.raises(DecisionRefused):
            withdrawal_reject(withdrawal_id=apply(creator).pk, operator=operators[0], answer=" ", at=kernel_clock.now())

    def test_nobody_approves_their_own(self, creator: Any) -> None:
        with pytest.raises(DecisionRefused):
            withdrawal_approve(withdrawal_id=apply(creator).pk, operator=creator, at=kernel_clock.now())

    def test_two_different_operators_above_the_limit_of_thirty_days(self, creator: Any, operators: Any, settings: Any) -> None:
        settings.WITHDRAWAL_ONE_OPERATOR_CENTS = CENTS - 1
        first, second = operators
        withdrawal = withdrawal_approve(withdrawal_id=apply(creator).pk, operator=first, at=kernel_clock.now())
        assert (withdrawal.status, withdrawal.approvals_needed) == ("applied", 2)
        with pytest.raises(DecisionRefused):
            withdrawal_approve(withdrawal_id=withdrawal.pk, operator=first, at=kernel_clock.now())
        with pytest.raises(DecisionRefused):
            withdrawal_pay(withdrawal_id=withdrawal.pk, operator=first, at=kernel_clock.now())
        assert withdrawal_approve(withdrawal_id=withdrawal.pk, operator=second, at=kernel_clock.now()).status == "approved"

    def test_the_sum_of_thirty_days_counts_and_not_one_withdrawal(self, creator: Any, operators: Any, settings: Any) -> None:
        settings.WITHDRAWAL_LEAST_CENTS, settings.WITHDRAWAL_ONE_OPERATOR_CENTS = 100, 9_000
        small, large = apply(creator, cents=4_000, key="a"), apply(creator, cents=6_000, key="b")
        assert (small.approvals_needed, large.approvals_needed) == (1, 2)
        again = withdrawal_approve(withdrawal_id=small.pk, operator=operators[0], at=kernel_clock.now())
        assert (again.status, again.approvals_needed) == ("applied", 2)  # the second one raised it meanwhile

    def test_paid_by_hand_needs_evidence_and_moves_the_money_once(self, creator: Any, operators: Any) -> None:
        withdrawal = approved(creator, operators[0])
        with pytest.raises(DecisionRefused):
            withdrawal_paid_by_hand(withdrawal_id=withdrawal.pk, operator=operators[0], evidence="", at=kernel_clock.now())
        done = withdrawal_paid_by_hand(
            withdrawal_id=withdrawal.pk, operator=operators[0], evidence="ICBC 20261121-77", at=kernel_clock.now()
        )
        assert (done.status, done.evidence) == ("paid", "ICBC 20261121-77")
        with pytest.raises(DecisionRefused):
            withdrawal_paid_by_hand(withdrawal_id=withdrawal.pk, operator=operators[1], evidence="again", at=kernel_clock.now())
        assert payouts_posted() == 1

    def test_nothing_leaves_while_a_dispute_is_open(self, creator: Any, operators: Any) -> None:
        from credits.services.takeback import wallet_freeze, wallet_unfreeze

        withdrawal = approved(creator, operators[0])
        wallet_freeze(user_id=creator.pk)
        with pytest.raises(WithdrawalBlocked):
            withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        with pytest.raises(DomainError):
            apply(creator, key="two")
        assert not Payout.objects.exists()
        wallet_unfreeze(user_id=creator.pk)
        withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())

    def test_a_lost_dispute_sends_the_coins_back(self, creator: Any, operators: Any) -> None:
        approved(creator, operators[0])
        assert withdrawal_reject_for_dispute(user_ids=[creator.pk], at=kernel_clock.now()) == 1
        assert withdrawal_reject_for_dispute(user_ids=[creator.pk], at=kernel_clock.now()) == 0
        assert coins(creator) == (225_000, 0)

    def test_an_account_with_an_open_withdrawal_stays(self, creator: Any, operators: Any) -> None:
        withdrawal = apply(creator)
        assert deletion_blocker(creator.pk) == "a withdrawal is being worked on"
        withdrawal_reject(withdrawal_id=withdrawal.pk, operator=operators[0], answer="no", at=kernel_clock.now())
        assert deletion_blocker(creator.pk) is None


@pytest.mark.django_db
class TestPayouts:
    def test_a_lost_answer_is_quarantined_and_found(self, creator: Any, operators: Any, clock: Any) -> None:
        withdrawal = approved(creator, operators[0], account={"account": "lost@example.com", "name": "张三"})
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        withdrawal.refresh_from_db()
        assert (withdrawal.status, payout.state) == ("unknown", "unknown")
        assert coins(creator)[1] == COINS
        assert Alarm.objects.filter(kind="payout_unknown", closed_at=None).count() == 1
        with pytest.raises(DecisionRefused):  # never sent again blindly
            withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        with pytest.raises(DecisionRefused):
            withdrawal_paid_by_hand(withdrawal_id=withdrawal.pk, operator=operators[0], evidence="by hand", at=kernel_clock.now())
        clock.advance(minutes=3)
        assert payout_ask_due(at=kernel_clock.now()) == 1
        withdrawal.refresh_from_db()
        assert withdrawal.status == "paid"
        assert payouts_posted() == 1

    def test_a_refused_one_may_be_paid_another_way(self, creator: Any, operators: Any) -> None:
        withdrawal = approved(creator, operators[0], account={"account": "bad@example.com", "name": "张三"})
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        withdrawal.refresh_from_db()
        assert (withdrawal.status, payout.state) == ("approved", "refused")
        assert coins(creator)[1] == COINS
        withdrawal_paid_by_hand(withdrawal_id=withdrawal.pk, operator=operators[0], evidence="bank 4711", at=kernel_clock.now())
        assert payouts_posted() == 1

    def test_wechat_waits_for_the_payee_to_confirm(self, creator: Any, operators: Any) -> None:
        withdrawal = approved(creator, operators[0], method="wechat", account={"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"})
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        withdrawal.refresh_from_db()
        assert (withdrawal.status, payout.state) == ("sending", "confirming")
        assert payout.confirm_params
        assert "withdrawal.confirm" in events(creator)
        payout_settle(payout_id=payout.pk, standing=PayoutStanding(PayoutOutcome.PAID, payout.uuid, "sb", CENTS), at=kernel_clock.now())
        withdrawal.refresh_from_db()
        assert withdrawal.status == "paid"

    def test_money_that_the_bank_sends_back_brings_the_coins_back(self, creator: Any, operators: Any) -> None:
        withdrawal = approved(creator, operators[0])
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        back = PayoutStanding(PayoutOutcome.RETURNED, payout.uuid)
        assert payout_settle(payout_id=payout.pk, standing=back, at=kernel_clock.now())
        assert not payout_settle(payout_id=payout.pk, standing=back, at=kernel_clock.now())
        withdrawal.refresh_from_db()
        assert (withdrawal.status, coins(creator)) == ("rejected", (225_000, 0))
        assert Alarm.objects.filter(kind="payout_returned").exists()

    def test_one_the_gateway_never_heard_of_may_be_sent_anew_after_half_an_hour(self, creator: Any, operators: Any, clock: Any) -> None:
        withdrawal = approved(creator, operators[0], account={"account": "lost@example.com", "name": "张三"})
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        SandboxTransfer.objects.all().delete()  # as if it had never arrived
        clock.advance(minutes=5)
        assert payout_look_up(payout_id=payout.pk, at=kernel_clock.now()).state == "unknown"
        clock.advance(minutes=30)
        assert payout_look_up(payout_id=payout.pk, at=kernel_clock.now()).state == "refused"
        withdrawal.refresh_from_db()
        assert withdrawal.status == "approved"

    @pytest.mark.parametrize("silence", [Temporary("busy"), NotConfigured(service="wechat"), Unknown("lost"), Rejected("no permission")])
    @pytest.mark.parametrize("method", ["alipay", "wechat"])
    def test_silence_at_a_look_up_is_never_taken_for_not_sent(
        self, creator: Any, operators: Any, clock: Any, monkeypatch: Any, silence: Exception, method: str
    ) -> None:
        account = {"account": "lost@example.com", "name": "张三"} if method == "alipay" else {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
        withdrawal = approved(creator, operators[0], method=method, account=account)
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        before = payout.state

        def silent(channel: str) -> Any:
            raise silence

        monkeypatch.setattr("payments.services.payout.payout_gateway", silent)
        clock.advance(hours=5)
        assert payout_look_up(payout_id=payout.pk, at=kernel_clock.now()).state == before
        withdrawal.refresh_from_db()
        assert withdrawal.status in ("sending", "unknown")
        with pytest.raises(DecisionRefused):
            withdrawal_paid_by_hand(withdrawal_id=withdrawal.pk, operator=operators[0], evidence="by hand", at=kernel_clock.now())

    def test_a_payout_that_was_heard_of_is_never_forgotten(self, creator: Any, operators: Any, clock: Any) -> None:
        withdrawal = approved(creator, operators[0], method="wechat", account={"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"})
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        clock.advance(hours=1)
        assert not payout_settle(payout_id=payout.pk, standing=PayoutStanding(PayoutOutcome.NONE, payout.uuid), at=kernel_clock.now())
        payout.refresh_from_db()
        assert payout.state == "confirming"

    @pytest.mark.parametrize("meanwhile", ["nothing", "by hand", "rejected"])
    def test_money_that_arrives_after_a_refusal_is_never_unseen(self, creator: Any, operators: Any, meanwhile: str) -> None:
        withdrawal = approved(creator, operators[0], account={"account": "bad@example.com", "name": "张三"})
        payout = withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        assert payout.state == "refused"
        if meanwhile == "by hand":
            withdrawal_paid_by_hand(withdrawal_id=withdrawal.pk, operator=operators[0], evidence="bank 4711", at=kernel_clock.now())
        if meanwhile == "rejected":
            withdrawal_reject(withdrawal_id=withdrawal.pk, operator=operators[0], answer="no", at=kernel_clock.now())
        before = payouts_posted()
        arrived = PayoutStanding(PayoutOutcome.PAID, payout.uuid, "late", CENTS)
        assert payout_settle(payout_id=payout.pk, standing=arrived, at=kernel_clock.now()) is (meanwhile == "nothing")
        payout.refresh_from_db()
        withdrawal.refresh_from_db()
        expected = {"nothing": ("paid", "paid", 1), "by hand": ("refused", "paid", 0), "rejected": ("refused", "rejected", 0)}
        assert (payout.state, withdrawal.status, payouts_posted() - before) == expected[meanwhile]
        assert Alarm.objects.filter(kind="payout_after_all", closed_at=None).count() == 1

    def test_a_bank_card_has_no_gateway(self, creator: Any, operators: Any) -> None:
        account = {"account": "6222020200112233445", "name": "张三", "bank": "工商银行"}
        withdrawal = approved(creator, operators[0], method="bank_card", account=account)
        with pytest.raises(DomainError):
            withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operators[0], at=kernel_clock.now())
        withdrawal.refresh_from_db()
        assert withdrawal.status == "approved"


def test_the_edges_name_every_way() -> None:
    assert before(WithdrawalState.PAID, WITHDRAWAL_EDGES) == {"approved", "sending", "unknown"}
    assert not before(WithdrawalState.APPLIED, WITHDRAWAL_EDGES)
    assert WithdrawalState.SENDING not in WITHDRAWAL_EDGES[WithdrawalState.UNKNOWN]


@pytest.mark.django_db
def test_the_list_is_the_owners_and_pages_by_key(creator: Any, user_factory: Any, settings: Any) -> None:
    settings.WITHDRAWAL_LEAST_CENTS = 100
    made = [apply(creator, cents=100 + number, key=str(number)).pk for number in range(5)]
    first = withdrawals_page(creator.pk, limit=3)
    assert [each.pk for each in first] == made[:1:-1]
    assert [each.pk for each in withdrawals_page(creator.pk, before_id=first[-1].pk, limit=3)] == made[1::-1]
    assert withdrawals_page(user_factory(bonus=0).pk) == []


def test_twenty_applications_at_once_take_the_coins_once(committed_db: Any, demo: None, user_factory: Any) -> None:
    payer, user = user_factory(paid=2_500), user_factory(bonus=0)
    now = kernel_clock.now()
    transfer(from_user_id=payer.pk, to_user_id=user.pk, key="tip", kind="tip", ref="work:1", amount=2_500, at=now)
    mature(at=now + dt.timedelta(days=8))
    later = now + dt.timedelta(days=8)

    def ask(number: int) -> str:
        try:
            withdrawal_apply(user_id=user.pk, amount_cents=CENTS, method="alipay", account=ALIPAY, idempotency_key=str(number), at=later)
            return "applied"
        except WithdrawableTooSmall:
            return "too small"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        seen = list(pool.map(ask, range(20)))
    assert sorted(set(seen)) == ["applied", "too small"]
    assert seen.count("applied") == 1
    assert coins(user) == (225_000 - COINS, COINS)


def test_one_payout_however_many_operators_press(committed_db: Any, demo: None, user_factory: Any) -> None:
    payer, user, operator = user_factory(paid=2_500), user_factory(bonus=0), user_create(username="pressing", is_staff=True)
    now = kernel_clock.now()
    transfer(from_user_id=payer.pk, to_user_id=user.pk, key="tip", kind="tip", ref="work:1", amount=2_500, at=now)
    later = now + dt.timedelta(days=8)
    mature(at=later)
    withdrawal = withdrawal_apply(user_id=user.pk, amount_cents=CENTS, method="alipay", account=ALIPAY, idempotency_key="k", at=later)
    withdrawal_approve(withdrawal_id=withdrawal.pk, operator=operator, at=later)

    def press(_: int) -> str:
        try:
            return withdrawal_pay(withdrawal_id=withdrawal.pk, operator=operator, at=later).state
        except DecisionRefused:
            return "refused"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        seen = list(pool.map(press, range(10)))
    assert seen.count("paid") == 1
    assert Payout.objects.count() == 1
    assert payouts_posted() == 1
    assert SandboxTransfer.objects.count() == 1


def test_without_the_claim_every_press_sends_money(committed_db: Any, demo: None, user_factory: Any) -> None:
    """The guard off: a double that asks the gateway under a number of its own each time, as a naive service would."""
    gateway = payout_gateway("alipay")

    def press(_: int) -> PayoutOutcome:
        try:
            return gateway.payout(PayoutRequest(uuid4(), CENTS, ALIPAY, "naive", kernel_clock.now())).outcome
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        seen = list(pool.map(press, range(10)))
    assert seen.count(PayoutOutcome.PAID) == SandboxTransfer.objects.count() == 10
