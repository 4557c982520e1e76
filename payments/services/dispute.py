"""Disputes (charge-backs): a payer's bank asks, takes the money, keeps it or gives it back; gateways tell in any order, often."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.services.event import event_append
from config.kernel.errors import DatabaseUnavailable
from payments.gateways.base import DisputeOutcome, DisputeStanding
from payments.locks import order_lock
from payments.models import Dispute, Order
from payments.selectors.refund import is_ended_by_refund
from payments.services.alarm import alarm_raise
from payments.services.dispute_books import blocked_users, credits_lose, credits_restore, credits_take, money_gone
from payments.services.evidence import order_of_standing, stranger, unfit, unpaid
from payments.services.refund_settle import order_sum
from payments.services.subscription import subscription_cancel, subscription_restore
from payments.services.verdict import Verdict, notice_decide, verdict_alarm
from payments.services.withdrawal import withdrawal_reject_for_dispute
from payments.states import DISPUTE_EDGES, DisputeState, NoticeFate, before

Step = Callable[[Dispute, bool], bool]
TRIES = 3
"""Wallets of several users are locked: a deadlock is somebody's, and then it is done again."""
CHARGED_BACK = frozenset({DisputeState.OPEN, DisputeState.LOST})


def dispute_heard(standing: DisputeStanding, *, source: str, notice_id: int | None = None, at: dt.datetime) -> Verdict:
    """What a proven notice says about a dispute is done, each step once whatever the order and number of notices; then its fate is written.

    Opened: the payer is frozen, credits and coins are taken back, the money is booked as gone. Lost: recipients' blocked withdrawals are
    rejected, the payer owes the rest. Won, also by a late appeal: all of it is undone. Each step is one transaction: order, dispute,
    wallets, event head. Raises DatabaseUnavailable (the notice stays undecided: the sweep goes on).
    """
    order_id = order_of_standing(standing, source)
    if order_id is None:
        return _strange(standing, source, notice_id, at)
    told = _Told(standing, source, notice_id, at)
    if _aim(standing) == DisputeState.LOST:
        told.take(order_id, told.opened, is_last=False)
        blocked = Dispute.objects.filter(order_id=order_id, external_id=standing.external_id, status=DisputeState.OPEN).first()
        if blocked is not None:
            withdrawal_reject_for_dispute(user_ids=blocked_users(blocked), at=at)
    steps = {DisputeState.WARNING: told.entered, DisputeState.OPEN: told.opened, DisputeState.LOST: told.lost, DisputeState.WON: told.won}
    return told.take(order_id, steps[_aim(standing)], is_last=True)


def dispute_move(dispute: Dispute, to: DisputeState, *, at: dt.datetime, **changes: Any) -> bool:
    """The dispute is in `to`, with `changes` and the payer's event, in one transaction; False when it was in no state that leads there."""
    with transaction.atomic(savepoint=False):
        was = dispute.status
        facts = {"status": to, "updated_at": at, **changes}
        if not Dispute.objects.filter(pk=dispute.pk, status__in=sorted(before(to, DISPUTE_EDGES))).update(**facts):
            return False
        for name, value in facts.items():
            setattr(dispute, name, value)
        if CHARGED_BACK & {was, to}:
            kind = "dispute.opened" if to == DisputeState.OPEN else "dispute.closed"
            event_append(user_id=dispute.order.user_id, kind=kind, payload=event_payload(dispute), at=at)
    return True


def event_payload(dispute: Dispute) -> dict[str, Any]:
    """What an event says about a dispute: numbers and names only."""
    return {
        "order_id": str(dispute.order.uuid),
        "status": str(dispute.status),
        "amount_cents": dispute.amount_cents,
        "currency": dispute.order.currency,
    }


class _Told:
    """One notice, and the steps that it may lead to. A step returns whether it moved anything."""

    def __init__(self, standing: DisputeStanding, source: str, notice_id: int | None, at: dt.datetime) -> None:
        self.standing, self.source, self.notice_id, self.at = standing, source, notice_id, at

    def take(self, order_id: int, step: Step, *, is_last: bool) -> Verdict:
        """The step is taken in one transaction, the last one with the notice's fate; again after a deadlock."""
        for left in reversed(range(TRIES)):
            try:
                with transaction.atomic():
                    return self._taken(order_lock(order_id), step, is_last)
            except DatabaseUnavailable:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def entered(self, dispute: Dispute, is_new: bool) -> bool:
        """An enquiry: no money has moved, operators answer it."""
        if is_new:
            self._alarm(dispute, "dispute_warning", "The payer's bank asks about this payment. Answer it before it becomes a charge-back.")
        return is_new

    def opened(self, dispute: Dispute, is_new: bool) -> bool:
        """A charge-back: everything is taken back that can be, and the money is booked as gone."""
        if dispute.status != DisputeState.WARNING:
            return False
        credits_take(dispute, self.at)
        money_gone(dispute, self.at)
        self._alarm(dispute, "dispute_opened", "The payer's bank has taken the money back; send evidence, or accept it.")
        return dispute_move(dispute, DisputeState.OPEN, at=self.at)

    def lost(self, dispute: Dispute, is_new: bool) -> bool:
        """The bank keeps the money; `opened` came before."""
        if dispute.status != DisputeState.OPEN:
            return False
        credits_lose(dispute, self.at)
        self._alarm(dispute, "dispute_lost", f"Lost: {dispute.losses_cents} CNY cents of it are borne by the platform.")
        subscription_cancel(dispute.order, at=self.at)  # the wallet is locked before the event head
        dispute_move(dispute, DisputeState.LOST, at=self.at, closed_at=self.at)
        order_sum(dispute.order, self.at)
        return True

    def won(self, dispute: Dispute, is_new: bool) -> bool:
        """The bank gives the money back, or never took it; perhaps long after it was lost."""
        was = DisputeState(dispute.status)
        if was == DisputeState.WON:
            return False
        if was in CHARGED_BACK:
            credits_restore(dispute, self.at)
        if was == DisputeState.LOST and not is_ended_by_refund(dispute.order):
            subscription_restore(dispute.order, at=self.at)
        dispute_move(dispute, DisputeState.WON, at=self.at, closed_at=self.at)
        order_sum(dispute.order, self.at)
        return True

    def _taken(self, order: Order, step: Step, is_last: bool) -> Verdict:
        verdict = self._judged(order)
        if verdict is None:
            verdict = Verdict(NoticeFate.RECORDED if step(*self._row(order)) else NoticeFate.SUPERSEDED)
        if is_last and self.notice_id is not None and verdict.fate != NoticeFate.RECEIVED:
            notice_decide(self.notice_id, verdict, order, self.at)
        if is_last:
            verdict_alarm(verdict, subject=f"order:{order.uuid}", text=_text(self.standing, self.source), at=self.at)
        return verdict

    def _judged(self, order: Order) -> Verdict | None:
        """None if the notice may speak of this order; also of its size, which only an enquiry may change."""
        standing = self.standing
        known = Dispute.objects.filter(order=order, external_id=standing.external_id).exclude(status=DisputeState.WARNING).first()
        is_fit = 0 < standing.amount_cents <= order.amount_cents if known is None else standing.amount_cents == known.amount_cents
        verdict = unfit(order, standing, source=self.source)
        if verdict is None and not standing.external_id:
            verdict = Verdict(NoticeFate.REFUSED, "no number")
        if verdict is None and not is_fit:
            verdict = Verdict(NoticeFate.REFUSED, "another amount")
        return verdict or unpaid(order, self.notice_id, self.at)

    def _row(self, order: Order) -> tuple[Dispute, bool]:
        """The dispute's row, locked, and whether it is new; it is an enquiry at first."""
        standing = self.standing
        facts = {"amount_cents": standing.amount_cents, "reason": standing.reason[:80], "evidence_due_at": standing.evidence_due_at}
        begun = {"status": DisputeState.WARNING, "opened_at": self.at, "updated_at": self.at}
        rows = Dispute.objects.select_for_update()
        dispute, is_new = rows.get_or_create(order=order, external_id=standing.external_id, defaults={**facts, **begun})
        if not is_new and dispute.status == DisputeState.WARNING:
            dispute.amount_cents = standing.amount_cents
            dispute.save(update_fields=["amount_cents"])
        dispute.order = order
        return dispute, is_new

    def _alarm(self, dispute: Dispute, kind: str, text: str) -> None:
        money = f"{dispute.amount_cents / 100:,.2f} {dispute.order.currency} of order {dispute.order.uuid}"
        alarm_raise(kind=kind, subject=f"dispute:{dispute.external_id}", text=f"{text} ({money})", at=self.at)


def _aim(standing: DisputeStanding) -> DisputeState:
    """Where the notice leads: money that was given back means that it was won, whatever the dispute's own word still is."""
    is_back = standing.is_money_gone is False and standing.outcome in (DisputeOutcome.OPEN, DisputeOutcome.LOST)
    return DisputeState.WON if is_back else DisputeState(standing.outcome)


def _strange(standing: DisputeStanding, source: str, notice_id: int | None, at: dt.datetime) -> Verdict:
    """A dispute about no order that we know."""
    verdict = stranger(standing)
    with transaction.atomic():
        if notice_id is not None:
            notice_decide(notice_id, verdict, None, at)
        verdict_alarm(verdict, subject=f"order:{standing.order_uuid}", text=_text(standing, source), at=at)
    return verdict


def _text(standing: DisputeStanding, source: str) -> str:
    """What the notice says, for operators: numbers only."""
    money = f"{standing.amount_cents / 100:,.2f} {standing.currency}"
    return f"{source}, dispute {standing.external_id} over {money}, {standing.outcome}, charge {standing.charge_id}"
