"""Withdrawals: coins leave at the application, come back when it is rejected, and become money when it is paid."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.exceptions import IdempotencyConflict
from accounts.models import User
from accounts.services.event import event_append
from credits.exceptions import InsufficientCoins
from credits.models import Wallet
from credits.services.withdraw import withdraw_begin, withdraw_pay, withdraw_return, withdraw_reverse
from payments.exceptions import AmountNotAllowed, DecisionRefused, WithdrawableTooSmall, WithdrawalBlocked
from payments.locks import withdrawal_lock
from payments.models import Withdrawal, WithdrawalDecision
from payments.selectors.dispute import is_open_for
from payments.selectors.withdrawal import flags_of, withdrawn_cents
from payments.services.payee import Payee, payee_of
from payments.states import WITHDRAWAL_EDGES, WithdrawalState, before

Verdict = WithdrawalDecision.Verdict
EVENTS = {
    WithdrawalState.APPROVED: "withdrawal.approved",
    WithdrawalState.PAID: "withdrawal.paid",
    WithdrawalState.REJECTED: "withdrawal.rejected",
}
HAND_CHANNELS = {Withdrawal.Method.ALIPAY: "alipay", Withdrawal.Method.WECHAT: "wechat", Withdrawal.Method.BANK_CARD: "bank"}
"""Out of which cash a withdrawal is paid that operators pay by hand."""


def withdrawal_apply(
    *, user_id: int, amount_cents: int, method: str, account: Mapping[str, Any], idempotency_key: str, at: dt.datetime
) -> Withdrawal:
    """The user's coins are leaving and operators have a request before them; the same key and input give the same one again.

    Locks the wallet, then the event head. Raises AmountNotAllowed, InvalidInput (method, account_info), WithdrawableTooSmall,
    WithdrawalBlocked (a dispute or shortfall is open), IdempotencyConflict.
    """
    if not settings.WITHDRAWAL_LEAST_CENTS <= amount_cents <= settings.WITHDRAWAL_MOST_CENTS:
        raise AmountNotAllowed(least_cents=settings.WITHDRAWAL_LEAST_CENTS, most_cents=settings.WITHDRAWAL_MOST_CENTS)
    payee = payee_of(method=method, account=account)
    input_hash = hashlib.sha256(f"{amount_cents}:{method}:".encode() + payee.digest).digest()
    with transaction.atomic():
        Wallet.objects.select_for_update(no_key=True).filter(pk=user_id).first()  # one application of a user at a time
        found = Withdrawal.objects.filter(user_id=user_id, idempotency_key=idempotency_key).first()
        if found is None:
            return _applied(user_id, amount_cents, method, payee, idempotency_key, input_hash, at)
    if bytes(found.input_hash) != input_hash:
        raise IdempotencyConflict()
    return found


def withdrawal_approve(*, withdrawal_id: int, operator: User, reason: str = "", at: dt.datetime) -> Withdrawal:
    """The operator's approval is kept; with as many as it needs the withdrawal may be paid.

    Above the limit of one operator within 30 days two different ones are needed; a flagged one wants a reason; nobody
    approves their own. Raises WithdrawalNotFound, DecisionRefused, WithdrawalBlocked.
    """
    with transaction.atomic():
        withdrawal = withdrawal_lock(withdrawal_id)
        if withdrawal.status != WithdrawalState.APPLIED:
            raise DecisionRefused(reason=f"it is {withdrawal.status}")
        if withdrawal.decisions.filter(operator=operator, verdict=Verdict.APPROVE).exists():
            raise DecisionRefused(reason="you have approved it already; another operator is needed")
        _check_standing(withdrawal.user_id)
        _weigh(withdrawal, at)
        if withdrawal.flags and not reason:
            raise DecisionRefused(reason="it is flagged: say why it is right")
        _decided(withdrawal, operator, Verdict.APPROVE, reason, at)
        if withdrawal.decisions.filter(verdict=Verdict.APPROVE).count() >= withdrawal.approvals_needed:
            withdrawal_move(withdrawal, WithdrawalState.APPROVED, at=at)
    return withdrawal


def withdrawal_reject(*, withdrawal_id: int, operator: User, answer: str, at: dt.datetime) -> Withdrawal:
    """The coins are back and the user is told `answer`. Raises WithdrawalNotFound, DecisionRefused (it is being paid, or over)."""
    if not answer.strip():
        raise DecisionRefused(reason="the user must be told why")
    with transaction.atomic():
        withdrawal = withdrawal_lock(withdrawal_id)
        if withdrawal.status not in (WithdrawalState.APPLIED, WithdrawalState.APPROVED):
            raise DecisionRefused(reason=f"it is {withdrawal.status}")
        _decided(withdrawal, operator, Verdict.REJECT, answer, at)
        _returned(withdrawal, answer, at)
    return withdrawal


def withdrawal_reject_for_dispute(*, user_ids: Collection[int], at: dt.datetime) -> int:
    """Withdrawals of these users that nobody has sent yet are rejected, their coins are back; how many."""
    waiting = Withdrawal.objects.filter(user_id__in=user_ids, status__in=[WithdrawalState.APPLIED, WithdrawalState.APPROVED])
    count = 0
    for withdrawal_id in waiting.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            withdrawal = withdrawal_lock(withdrawal_id)
            if withdrawal.status in (WithdrawalState.APPLIED, WithdrawalState.APPROVED):
                _returned(withdrawal, "A payment that these coins came from was charged back.", at)
                count += 1
    return count


def withdrawal_paid_by_hand(*, withdrawal_id: int, operator: User, evidence: str, at: dt.datetime) -> Withdrawal:
    """The operator has sent the money outside of the platform; `evidence` is the bank's number of it.

    Raises WithdrawalNotFound, DecisionRefused, WithdrawalBlocked.
    """
    if len(evidence.strip()) < 4:
        raise DecisionRefused(reason="give the bank's number of the payment as evidence")
    with transaction.atomic():
        withdrawal = withdrawal_lock(withdrawal_id)
        check_payable(withdrawal, operator)
        _decided(withdrawal, operator, Verdict.PAID_BY_HAND, evidence, at)
        channel = "sandbox" if settings.DEMO else HAND_CHANNELS[Withdrawal.Method(withdrawal.method)]
        paid(withdrawal, channel=channel, key=f"withdrawal:{withdrawal.pk}:hand", at=at, evidence=evidence.strip()[:300])
    return withdrawal


def check_payable(withdrawal: Withdrawal, operator: User) -> None:
    """Raises DecisionRefused unless it is approved and not the operator's own, WithdrawalBlocked while a dispute or shortfall is open."""
    if withdrawal.status != WithdrawalState.APPROVED:
        raise DecisionRefused(reason=f"it is {withdrawal.status}")
    if withdrawal.user_id == operator.pk:
        raise DecisionRefused(reason="it is your own")
    _check_standing(withdrawal.user_id)


def paid(withdrawal: Withdrawal, *, channel: str, key: str, at: dt.datetime, evidence: str = "") -> None:
    """The locked withdrawal is paid: its coins are gone for good, its money left `channel`."""
    withdraw_pay(
        user_id=withdrawal.user_id,
        key=key,
        ref=f"withdrawal:{withdrawal.pk}",
        hundredths=withdrawal.coins_hundredths,
        channel=channel,
        amount_cents=withdrawal.amount_cents,
        at=at,
    )
    _must_move(withdrawal, WithdrawalState.PAID, at=at, paid_at=at, processed_at=at, evidence=evidence)


def sent_back(withdrawal: Withdrawal, *, channel: str, key: str, at: dt.datetime) -> None:
    """The locked, paid withdrawal came back from the bank: its coins and its money are here again."""
    withdraw_reverse(
        user_id=withdrawal.user_id,
        key=key,
        ref=f"withdrawal:{withdrawal.pk}",
        hundredths=withdrawal.coins_hundredths,
        channel=channel,
        amount_cents=withdrawal.amount_cents,
        at=at,
    )
    answer = "The bank sent the money back; the coins are yours again."
    _must_move(withdrawal, WithdrawalState.REJECTED, at=at, processed_at=at, answer=answer)


def withdrawal_move(withdrawal: Withdrawal, to: WithdrawalState, *, at: dt.datetime, **changes: Any) -> bool:
    """The withdrawal is in `to` with `changes` and its event; False when its state no longer leads there."""
    with transaction.atomic():
        facts = {"status": to, "updated_at": at, **changes}
        if not Withdrawal.objects.filter(pk=withdrawal.pk, status__in=sorted(before(to, WITHDRAWAL_EDGES))).update(**facts):
            return False
        came_from, withdrawal.status = withdrawal.status, to
        for name, value in facts.items():
            setattr(withdrawal, name, value)
        if to in EVENTS and not (to == WithdrawalState.APPROVED and came_from != WithdrawalState.APPLIED):
            event_append(user_id=withdrawal.user_id, kind=EVENTS[to], payload=event_payload(withdrawal), at=at)
    return True


def event_payload(withdrawal: Withdrawal) -> dict[str, Any]:
    """What an event says about a withdrawal: numbers and names only."""
    return {
        "withdrawal_id": withdrawal.pk,
        "status": str(withdrawal.status),
        "method": withdrawal.method,
        "amount_cents": withdrawal.amount_cents,
        "coins_hundredths": withdrawal.coins_hundredths,
    }


def _applied(user_id: int, cents: int, method: str, payee: Payee, key: str, input_hash: bytes, at: dt.datetime) -> Withdrawal:
    _check_standing(user_id)
    withdrawal = Withdrawal.objects.create(
        user_id=user_id,
        amount_cents=cents,
        coins_hundredths=cents * settings.COINS_PER_CNY,
        method=method,
        account=json.dumps(payee.fields, ensure_ascii=False, sort_keys=True),
        account_shown=payee.shown,
        account_digest=payee.digest,
        idempotency_key=key,
        input_hash=input_hash,
        created_at=at,
        updated_at=at,
    )
    try:
        ref = f"withdrawal:{withdrawal.pk}"
        withdraw_begin(user_id=user_id, key=ref, ref=ref, hundredths=withdrawal.coins_hundredths, at=at)
    except InsufficientCoins as error:
        available = error.params["available_hundredths"] // settings.COINS_PER_CNY
        raise WithdrawableTooSmall(available_cents=available, required_cents=cents) from error
    _weigh(withdrawal, at)
    event_append(user_id=user_id, kind="withdrawal.applied", payload=event_payload(withdrawal), at=at)
    return withdrawal


def _weigh(withdrawal: Withdrawal, at: dt.datetime) -> None:
    """Flags and needed approvals are as things stand now; neither ever becomes less."""
    total = withdrawn_cents(withdrawal.user_id, until=at)
    withdrawal.flags = sorted({*withdrawal.flags, *flags_of(withdrawal)})
    withdrawal.approvals_needed = max(withdrawal.approvals_needed, 2 if total > settings.WITHDRAWAL_ONE_OPERATOR_CENTS else 1)
    withdrawal.save(update_fields=["flags", "approvals_needed"])


def _check_standing(user_id: int) -> None:
    wallet = Wallet.objects.filter(pk=user_id).first()
    if wallet is not None and wallet.shortfall:
        raise WithdrawalBlocked(reason="credits that were paid back are still owed")
    if is_open_for(user_id) or (wallet is not None and wallet.disputes):
        raise WithdrawalBlocked(reason="a payment is disputed")


def _decided(withdrawal: Withdrawal, operator: User, verdict: str, reason: str, at: dt.datetime) -> None:
    if withdrawal.user_id == operator.pk:
        raise DecisionRefused(reason="it is your own")
    WithdrawalDecision.objects.create(withdrawal=withdrawal, operator=operator, verdict=verdict, reason=reason.strip()[:300], created_at=at)


def _returned(withdrawal: Withdrawal, answer: str, at: dt.datetime) -> None:
    ref = f"withdrawal:{withdrawal.pk}"
    withdraw_return(user_id=withdrawal.user_id, key=f"{ref}:return", ref=ref, hundredths=withdrawal.coins_hundredths, at=at)
    _must_move(withdrawal, WithdrawalState.REJECTED, at=at, processed_at=at, answer=answer.strip()[:200])


def _must_move(withdrawal: Withdrawal, to: WithdrawalState, *, at: dt.datetime, **changes: Any) -> None:
    """As `withdrawal_move`, after coins were posted for it: a state that does not lead there undoes them. Raises DecisionRefused."""
    was = withdrawal.status
    if not withdrawal_move(withdrawal, to, at=at, **changes):
        raise DecisionRefused(reason=f"it is {was}")
