"""Payouts: one sending of a withdrawal's money. What nobody knows is quarantined and looked up, never sent again blindly."""

from __future__ import annotations

import datetime as dt
import json
import logging

from django.db import transaction

from accounts.models import User
from accounts.services.event import event_append
from config.kernel.errors import NotConfigured
from payments.exceptions import DecisionRefused
from payments.gateways.base import PayoutOutcome, PayoutRequest, PayoutStanding, Rejected, Temporary, Unknown
from payments.gateways.registry import payout_gateway
from payments.locks import payout_lock, withdrawal_lock
from payments.models import Payout, Withdrawal, WithdrawalDecision
from payments.services.alarm import alarm_raise
from payments.services.verdict import Verdict, notice_decide, verdict_alarm
from payments.services.withdrawal import check_payable, event_payload, paid, sent_back, withdrawal_move
from payments.states import NoticeFate, WithdrawalState

log = logging.getLogger(__name__)
State = Payout.State
OPEN = (State.SENDING, State.UNKNOWN, State.CONFIRMING)
UNHEARD = (State.SENDING, State.UNKNOWN)
"""Of a payout in these states its gateway may know nothing."""
ASK_AGAIN = dt.timedelta(minutes=2)
NEVER_ARRIVED_AFTER = dt.timedelta(minutes=30)
"""A payout that its gateway has not heard of so long after it was sent was never taken: the request is too old to be accepted now."""


def withdrawal_pay(*, withdrawal_id: int, operator: User, at: dt.datetime) -> Payout:
    """The approved withdrawal's money is on its way under a number of its own: claim, gateway (outside any transaction), settle.

    Raises WithdrawalNotFound, DecisionRefused, WithdrawalBlocked, NotConfigured (its method cannot be paid by a gateway).
    """
    channel = Withdrawal.objects.filter(pk=withdrawal_id).values_list("method", flat=True).first() or ""
    gateway = payout_gateway(channel)
    with transaction.atomic():
        withdrawal = withdrawal_lock(withdrawal_id)
        check_payable(withdrawal, operator)
        payout = Payout.objects.create(
            withdrawal=withdrawal,
            channel=channel,
            is_sandbox=gateway.name == "sandbox",
            amount_cents=withdrawal.amount_cents,
            created_at=at,
            sent_at=at,
            ask_after=at + ASK_AGAIN,
        )
        WithdrawalDecision.objects.create(
            withdrawal=withdrawal, operator=operator, verdict=WithdrawalDecision.Verdict.PAY, reason=str(payout.uuid), created_at=at
        )
        withdrawal_move(withdrawal, WithdrawalState.SENDING, at=at)
    _told(payout, at, send=True)
    payout.refresh_from_db()
    return payout


def payout_look_up(*, payout_id: int, at: dt.datetime) -> Payout:
    """The gateway was asked where the payout stands, and its answer is done. Outside any transaction."""
    payout = Payout.objects.select_related("withdrawal").get(pk=payout_id)
    if payout.state in OPEN:
        _told(payout, at, send=False)
        payout.refresh_from_db()
    return payout


def payout_ask_due(*, at: dt.datetime, limit: int = 50) -> int:
    """Payouts without an end were looked up at their gateways; how many ended."""
    due = Payout.objects.filter(state__in=OPEN, ask_after__lte=at).order_by("ask_after").values_list("pk", flat=True)[:limit]
    ended = 0
    for payout_id in due:
        try:
            ended += payout_look_up(payout_id=payout_id, at=at).state not in OPEN
        except Exception:
            log.exception("payout %s cannot be looked up", payout_id)
            Payout.objects.filter(pk=payout_id).update(ask_after=at + ASK_AGAIN)
    return ended


def payout_heard(standing: PayoutStanding, *, source: str, notice_id: int, at: dt.datetime) -> Verdict:
    """What a proven notice says of a payout is done, and the notice's fate written in the same transaction."""
    payout_id = Payout.objects.filter(uuid=standing.payout_uuid).values_list("pk", flat=True).first() if standing.payout_uuid else None
    with transaction.atomic():
        payout = payout_lock(payout_id) if payout_id is not None else None
        verdict = _judged(payout, standing, source)
        if verdict is None and payout is not None:
            verdict = Verdict(NoticeFate.RECORDED if _settled(payout, standing, at) else NoticeFate.SUPERSEDED)
        verdict = verdict or Verdict(NoticeFate.REFUSED, "unknown payout")
        notice_decide(notice_id, verdict, None, at)
    subject = f"payout:{standing.payout_uuid or standing.external_id}"
    verdict_alarm(verdict, subject=subject, text=f"a payout notice of {source}, {standing.outcome}", at=at)
    return verdict


def payout_settle(*, payout_id: int, standing: PayoutStanding, at: dt.datetime) -> bool:
    """The payout and its withdrawal are where the gateway says, with coins, money and event; False if they were there already.

    Locks the withdrawal, the payout, the wallet, the event head.
    """
    with transaction.atomic():
        return _settled(payout_lock(payout_id), standing, at)


def _told(payout: Payout, at: dt.datetime, *, send: bool) -> None:
    """The gateway is told of or asked about the payout, and what it says is settled."""
    request = _request_of(payout)
    try:
        gateway = payout_gateway(payout.channel)
        standing = gateway.payout(request) if send else gateway.payout_query(request)
    except Unknown:
        _quarantine(payout, at)
        return
    except Rejected as error:
        standing = PayoutStanding(PayoutOutcome.REFUSED if send else PayoutOutcome.PROCESSING, payout.uuid, text=str(error))
    except (Temporary, NotConfigured) as error:  # not taken, or no answer: neither says that the gateway has never heard of it
        log.warning("payout %s: %s", payout.uuid, type(error).__name__)
        standing = PayoutStanding(PayoutOutcome.PROCESSING, payout.uuid)
    payout_settle(payout_id=payout.pk, standing=standing, at=at)


def _quarantine(payout: Payout, at: dt.datetime) -> None:
    """Nobody knows whether it arrived: neither its coins nor its money move until somebody does."""
    with transaction.atomic():
        withdrawal = withdrawal_lock(payout.withdrawal_id)
        Payout.objects.filter(pk=payout.pk, state=State.SENDING).update(state=State.UNKNOWN)
        Payout.objects.filter(pk=payout.pk).update(ask_after=at + ASK_AGAIN)
        withdrawal_move(withdrawal, WithdrawalState.UNKNOWN, at=at)
    alarm_raise(
        kind="payout_unknown",
        subject=f"payout:{payout.uuid}",
        text=f"The answer to a payout of withdrawal {payout.withdrawal_id} was lost: it is looked up, never sent again blindly.",
        at=at,
    )


def _settled(payout: Payout, standing: PayoutStanding, at: dt.datetime) -> bool:
    """What the standing says is done to the locked payout and its withdrawal."""
    withdrawal = payout.withdrawal
    channel = "sandbox" if payout.is_sandbox else payout.channel
    key = f"payout:{payout.uuid}"
    match standing.outcome:
        case PayoutOutcome.PAID if _moved(payout, OPEN, State.PAID, standing, at):
            paid(withdrawal, channel=channel, key=key, at=at)
        case PayoutOutcome.PAID if payout.state == State.REFUSED:
            return _paid_after_all(payout, standing, channel, key, at)
        case PayoutOutcome.RETURNED if _moved(payout, (State.PAID,), State.RETURNED, standing, at):
            sent_back(withdrawal, channel=channel, key=f"{key}:back", at=at)
            text = f"The bank sent withdrawal {withdrawal.pk} back."
            alarm_raise(kind="payout_returned", subject=f"payout:{payout.uuid}", text=text, at=at)
        case PayoutOutcome.REFUSED | PayoutOutcome.RETURNED if _moved(payout, OPEN, State.REFUSED, standing, at):
            withdrawal_move(withdrawal, WithdrawalState.APPROVED, at=at)
        case PayoutOutcome.CONFIRMING if _moved(payout, (State.SENDING, State.UNKNOWN), State.CONFIRMING, standing, at):
            event_append(user_id=withdrawal.user_id, kind="withdrawal.confirm", payload=event_payload(withdrawal), at=at)
        case PayoutOutcome.NONE if _never_arrived(payout, at) and _moved(payout, UNHEARD, State.REFUSED, standing, at):
            withdrawal_move(withdrawal, WithdrawalState.APPROVED, at=at)
        case _:
            Payout.objects.filter(pk=payout.pk, state__in=OPEN).update(ask_after=at + ASK_AGAIN)
            return False
    return True


def _paid_after_all(payout: Payout, standing: PayoutStanding, channel: str, key: str, at: dt.datetime) -> bool:
    """Money arrived that was taken for refused. While nothing else was done for the withdrawal it is its payment; an alarm in any case."""
    withdrawal = payout.withdrawal
    is_its_payment = withdrawal.status == WithdrawalState.APPROVED and _moved(payout, (State.REFUSED,), State.PAID, standing, at)
    if is_its_payment:
        paid(withdrawal, channel=channel, key=key, at=at)
    said = "it is the withdrawal's payment now" if is_its_payment else f"the withdrawal is {withdrawal.status}: it may have been paid twice"
    text = f"A payout of withdrawal {withdrawal.pk} that counted as refused has arrived; {said}."
    alarm_raise(kind="payout_after_all", subject=f"payout:{payout.uuid}", text=text, at=at)
    return is_its_payment


def _never_arrived(payout: Payout, at: dt.datetime) -> bool:
    """Whether a gateway that knows nothing of the payout now will never take it: nothing was ever heard, and the request is too old."""
    return not payout.external_id and at - payout.created_at > NEVER_ARRIVED_AFTER


def _moved(payout: Payout, allowed: tuple[str, ...], to: str, standing: PayoutStanding, at: dt.datetime) -> bool:
    ends = to not in OPEN
    facts = {
        "state": to,
        "external_id": standing.external_id or payout.external_id,
        "confirm_params": dict(standing.confirm_params),
        "failure": (standing.text or ("The gateway never heard of it." if standing.outcome == PayoutOutcome.NONE else ""))[:200],
        "settled_at": at if ends else None,
        "ask_after": None if ends else at + ASK_AGAIN,
    }
    return Payout.objects.filter(pk=payout.pk, state__in=allowed).update(**facts) == 1


def _judged(payout: Payout | None, standing: PayoutStanding, source: str) -> Verdict | None:
    """None if the notice speaks of this payout and its money; otherwise the refusal."""
    if payout is None:
        return Verdict(NoticeFate.REFUSED, "unknown payout")
    if source not in (payout.channel, *(["sandbox"] if payout.is_sandbox else [])):
        return Verdict(NoticeFate.REFUSED, "another channel")
    if standing.amount_cents and standing.amount_cents != payout.amount_cents:
        return Verdict(NoticeFate.REFUSED, "another amount")
    return None


def _request_of(payout: Payout) -> PayoutRequest:
    account: dict[str, str] = json.loads(payout.withdrawal.account)
    title = f"Atelier withdrawal {payout.withdrawal_id}"
    return PayoutRequest(payout.uuid, payout.amount_cents, account, title, payout.created_at)


def payout_of_withdrawal(withdrawal_id: int) -> Payout:
    """The payout of a withdrawal that may still arrive. Raises DecisionRefused if there is none."""
    found = Payout.objects.filter(withdrawal_id=withdrawal_id, state__in=OPEN).first()
    if found is None:
        raise DecisionRefused(reason="nothing of it is on its way")
    return found
