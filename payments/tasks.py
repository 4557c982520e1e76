"""What beat and the worker run for payments; each may run twice."""

from __future__ import annotations

from celery import shared_task

from config.kernel import clock
from payments.services import alarm, expiry, notice, payout, reconcile, refund_send, sandbox_bank, statement, subscription


@shared_task(name="payments.expire_orders")
def expire_orders() -> None:
    """Orders whose time is over end (every minute)."""
    expiry.order_expire_due(at=clock.now())


@shared_task(name="payments.ask_orders")
def ask_orders() -> None:
    """Pending orders are asked about at their gateways (every minute, each with growing pauses)."""
    reconcile.order_ask_due(at=clock.now())


@shared_task(name="payments.compare_statements")
def compare_statements() -> None:
    """Gateways' days that were never compared with ours are (hourly: a day is ready when its gateway says so)."""
    statement.statement_due(at=clock.now())


@shared_task(name="payments.act_on_notices")
def act_on_notices() -> None:
    """Proven notices whose handling broke off are acted on (every minute)."""
    notice.notice_act_due(at=clock.now())


@shared_task(name="payments.sweep_notices")
def sweep_notices() -> None:
    """Unproven notices are forgotten after 30 days (daily)."""
    notice.notice_sweep(at=clock.now())


@shared_task(name="payments.mail_alarms")
def mail_alarms() -> None:
    """New alarms are told to the operators by mail (every minute, one mail)."""
    alarm.alarm_mail_due(at=clock.now())


@shared_task(name="payments.subscriptions")
def subscriptions() -> None:
    """Memberships and cards end and remind, unpaid cards give back what they reserved (every minute)."""
    subscription.subscription_sweep(at=clock.now())


@shared_task(name="payments.ask_refunds")
def ask_refunds() -> None:
    """Refunds without an end are sent or asked about at their gateways (every minute, each when its turn comes)."""
    refund_send.refund_ask_due(at=clock.now())


@shared_task(name="payments.ask_payouts")
def ask_payouts() -> None:
    """Payouts without an end are looked up at their gateways (every minute, each when its turn comes)."""
    payout.payout_ask_due(at=clock.now())


@shared_task(name="payments.end_sandbox_refunds")
def end_sandbox_refunds() -> None:
    """Refunds that the sandbox has taken have arrived at their payers (demo mode, every minute)."""
    sandbox_bank.sandbox_refund_end_due(at=clock.now())
