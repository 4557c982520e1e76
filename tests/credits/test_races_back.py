"""Races of what is taken back and what leaves. The careless double of each loses money; the real function does not."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

from config.kernel.errors import DomainError
from credits.exceptions import InsufficientCoins, RefundExceedsUnspent, WithdrawalNotLeaving
from credits.models import Clawback, Posting, Repayment, Takeback, Transaction, Wallet
from credits.services.check import check_books
from credits.services.clawback import clawback, clawback_collect, clawback_restore
from credits.services.takeback import takeback, takeback_restore, wallet_freeze
from credits.services.wallet import grant, mature, refund, spend, transfer
from credits.services.withdraw import withdraw_begin, withdraw_pay, withdraw_return
from tests.credits.conftest import AT, Person, buckets, execute, order_settle
from tests.credits.test_races import at_once, guard_off, guards_off, kinds

LATER = AT + dt.timedelta(days=8)


def rich(person: Person, coins: int = 9_000) -> int:
    """Somebody with available coins."""
    who, payer = person(), person(paid=coins // 90)
    transfer(from_user_id=payer, to_user_id=who, key="t", kind="tip", ref="w", amount=coins // 90, at=AT)
    mature(at=LATER)
    return who


@guard_off
def test_without_the_guard_two_take_backs_take_the_same_credits(committed_db: object, person: Person) -> None:
    who, meet = person(paid=100), threading.Barrier(2)

    def careless() -> bool:
        paid = Wallet.objects.get(pk=who).paid
        meet.wait(30)
        return bool(paid >= 60 and execute("UPDATE credits_wallet SET paid = %s WHERE user_id = %s", (paid - 60, who)))

    with guards_off():
        assert at_once([careless] * 2, threads=2) == [True, True]
    assert buckets(who)[0] == 40
    assert check_books(AT)


def test_parallel_take_backs_take_what_is_there_once(committed_db: object, person: Person) -> None:
    who = person(paid=100)
    take: dict[str, Any] = {"user_id": who, "ref": "refund:1", "paid": 60, "bonus": 0, "at": AT}
    results = at_once([lambda n=n: takeback(key=f"b{n}", may_owe=False, **take) for n in range(10)])  # type: ignore[misc]
    assert kinds(results, RefundExceedsUnspent) == 9
    owing = at_once([lambda n=n: takeback(key=f"o{n}", may_owe=True, **take) for n in range(10)])  # type: ignore[misc]
    assert sum(result.paid for result in owing) == 40
    assert Wallet.objects.get(pk=who).shortfall == sum(result.shortfall for result in owing) == 560
    assert buckets(who) == (0, 0, 0, 0)


def test_one_key_sent_at_once_takes_once(committed_db: object, person: Person) -> None:
    who = person(paid=100)
    results = at_once([lambda: takeback(user_id=who, key="b", ref="r", paid=60, bonus=0, may_owe=True, at=AT)] * 20)
    assert len({result.takeback_id for result in results}) == 1
    assert sum(not result.replayed for result in results) == 1
    back = at_once([lambda n=n: takeback_restore(takeback_id=results[0].takeback_id, key=f"x{n}", at=AT) for n in range(20)])  # type: ignore[misc]
    assert sum(not result.replayed for result in back) == 1
    assert buckets(who) == (100, 0, 0, 0)


def test_grants_against_take_backs_end_where_they_must(committed_db: object, person: Person) -> None:
    who = person(paid=100)
    spend(user_id=who, key="s", ref="task:1", amount=100, at=AT)

    def give(number: int) -> Any:
        return grant(user_id=who, key=f"g{number}", kind="gift", ref="x", bonus=10, source="campaign:activities", at=AT)

    def take(number: int) -> Any:
        return takeback(user_id=who, key=f"b{number}", ref="r", paid=10, bonus=0, may_owe=True, at=AT)

    jobs: list[Any] = [lambda n=n, act=act: act(n) for n in range(20) for act in (give, take)]
    jobs.append(lambda: refund(user_id=who, key="r", spend_key="s", at=AT))
    assert kinds(at_once(jobs), DomainError) == 0
    wallet = Wallet.objects.get(pk=who)
    assert (wallet.paid + wallet.bonus, wallet.shortfall) == (100, 0)
    rows = list(Takeback.objects.values_list("paid", "bonus", "repaid_paid", "repaid_bonus"))
    assert sum(map(sum, rows)) == 200
    assert sum(a + b for a, b in Repayment.objects.values_list("paid", "bonus")) == sum(row[2] + row[3] for row in rows)


def test_a_spend_against_a_freeze_is_before_it_or_refused(committed_db: object, person: Person) -> None:
    """Four spends end before the freeze begins, four begin when it has ended, and twelve run beside it."""
    who, early, frozen = person(paid=100), threading.Semaphore(0), threading.Event()

    def pay(key: str) -> Any:
        return spend(user_id=who, key=key, ref="task:1", amount=5, at=AT)

    def before(number: int) -> Any:
        result = pay(f"before{number}")
        early.release()
        return result

    def freeze() -> None:
        for _ in range(4):
            assert early.acquire(timeout=30)
        wallet_freeze(user_id=who)
        frozen.set()

    def after(number: int) -> Any:
        assert frozen.wait(30)
        return pay(f"after{number}")

    jobs: list[Any] = [lambda n=n: before(n) for n in range(4)]
    jobs += [freeze, *[lambda n=n: pay(f"beside{n}") for n in range(12)], *[lambda n=n: after(n) for n in range(4)]]
    results = at_once(jobs)
    assert kinds(results[:4], DomainError) == 0
    assert kinds(results[-4:], DomainError) == 4
    assert buckets(who)[0] == 100 - 5 * (20 - kinds(results, DomainError))


def test_disputes_at_once_never_claim_the_same_credits(committed_db: object, person: Person) -> None:
    payer, creators = person(), [person() for _ in range(3)]
    since = int(order_settle(payer, paid=120, key="o").transaction_id)
    for creator in creators:
        transfer(from_user_id=payer, to_user_id=creator, key=f"t{creator}", kind="tip", ref="w", amount=40, at=AT)

    def claw(number: int) -> Any:
        return clawback(payer_id=payer, key=f"d{number}", ref=f"d:{number}", since_transaction_id=since, credits=50, at=AT)

    results = at_once([lambda n=n: claw(n) for n in range(10)])  # type: ignore[misc]
    assert kinds(results, DomainError) == 0
    assert sum(result.credits for result in results) == 120
    assert sum(result.pending for result in results) == 10_800
    assert {wallet.coins_pending for wallet in Wallet.objects.filter(pk__in=creators)} == {0}
    assert check_books(AT) == []


def test_disputes_of_two_payers_share_a_creator_without_waiting_for_each_other(committed_db: object, person: Person) -> None:
    one, creator, other = person(), person(), person()
    since = {payer: int(order_settle(payer, paid=60, key="o").transaction_id) for payer in (one, other)}
    for payer in (one, other):
        for number in range(6):
            transfer(from_user_id=payer, to_user_id=creator, key=f"t{number}", kind="tip", ref="w", amount=5, at=AT)
            transfer(from_user_id=payer, to_user_id=other if payer == one else one, key=f"u{number}", kind="tip", ref="w", amount=5, at=AT)

    def claw(payer: int, number: int) -> Any:
        ref = f"d:{payer}:{number}"
        return clawback(payer_id=payer, key=ref, ref=ref, since_transaction_id=since[payer], credits=15, at=AT)

    results = at_once([lambda n=n, payer=payer: claw(payer, n) for n in range(4) for payer in (one, other)])  # type: ignore[misc]
    assert kinds(results, DomainError) == 0
    assert sum(result.pending for result in results) == 120 * 90
    assert check_books(AT) == []


def test_a_decision_at_once_with_its_repeats_moves_once(committed_db: object, person: Person) -> None:
    payer, creator = person(), person()
    since = int(order_settle(payer, paid=60, key="o").transaction_id)
    transfer(from_user_id=payer, to_user_id=creator, key="t", kind="tip", ref="w", amount=60, at=AT)
    clawback(payer_id=payer, key="d", ref="d:1", since_transaction_id=since, credits=60, at=AT)
    jobs: list[Any] = [lambda: clawback_restore(ref="d:1", at=AT), lambda: clawback_collect(ref="d:1", at=AT)]
    assert kinds(at_once(jobs * 10), DomainError) == 0
    assert Wallet.objects.get(pk=creator).coins_pending == 5_400
    assert Clawback.objects.get().restored_by_id is not None


def test_a_clawback_against_the_maturing_sweep_takes_all(committed_db: object, person: Person) -> None:
    payer, creators = person(), [person() for _ in range(10)]
    since = int(order_settle(payer, paid=100, key="o").transaction_id)
    for creator in creators:
        transfer(from_user_id=payer, to_user_id=creator, key=f"t{creator}", kind="tip", ref="w", amount=10, at=AT)
    claw: Any = lambda: clawback(payer_id=payer, key="d", ref="d:1", since_transaction_id=since, credits=100, at=LATER)  # noqa: E731
    taken, _ = at_once([claw, lambda: mature(at=LATER)], threads=2)
    assert (taken.credits, taken.pending + taken.coins) == (100, 9_000)
    assert check_books(AT) == []


@guard_off
def test_without_the_guard_coins_leave_twice(committed_db: object, person: Person) -> None:
    who, meet = rich(person), threading.Barrier(2)

    def careless() -> bool:
        coins = Wallet.objects.get(pk=who).coins
        meet.wait(30)
        return bool(coins >= 9_000 and execute("UPDATE credits_wallet SET coins = 0, coins_leaving = coins_leaving + 9000 WHERE user_id = %s", (who,)))  # fmt: skip

    with guards_off():
        assert at_once([careless] * 2, threads=2) == [True, True]
    assert Wallet.objects.get(pk=who).coins_leaving == 18_000
    assert check_books(AT)


def test_twenty_withdrawals_at_once_leave_with_what_is_there(committed_db: object, person: Person) -> None:
    who = rich(person)
    begin: dict[str, Any] = {"user_id": who, "hundredths": 4_000, "at": LATER}
    same = at_once([lambda: withdraw_begin(key="w", ref="w", **begin)] * 20)
    assert len({result.transaction_id for result in same}) == 1
    each = at_once([lambda n=n: withdraw_begin(key=f"w{n}", ref=f"w:{n}", **begin) for n in range(20)])  # type: ignore[misc]
    assert kinds(each, InsufficientCoins) == 19
    wallet = Wallet.objects.get(pk=who)
    assert (wallet.coins, wallet.coins_leaving) == (1_000, 8_000)


def test_a_withdrawal_is_paid_or_returned_never_both(committed_db: object, person: Person) -> None:
    who = rich(person)
    for number in range(10):
        ref = f"w:{number}"
        withdraw_begin(user_id=who, key=ref, ref=ref, hundredths=900, at=LATER)
        end: dict[str, Any] = {"user_id": who, "ref": ref, "hundredths": 900, "at": LATER}
        results = at_once(
            [
                lambda: withdraw_pay(key=f"p{number}", channel="sandbox", amount_cents=45, **end),  # noqa: B023
                lambda: withdraw_return(key=f"r{number}", **end),  # noqa: B023
            ],
            threads=2,
        )
        assert kinds(results, WithdrawalNotLeaving) == 1
    paid = sum(Posting.objects.filter(account="payouts", unit="coins").values_list("amount", flat=True))
    assert (Wallet.objects.get(pk=who).coins, Wallet.objects.get(pk=who).coins_leaving) == (9_000 - paid, 0)
    assert Transaction.objects.filter(kind="withdraw").count() == 20
