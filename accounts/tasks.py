"""The worker's doors into this room. Each may run twice and calls one service."""

from __future__ import annotations

from celery import shared_task

from accounts.services import idempotency, mail, outbox, session, sms, user, webhook


@shared_task(name="accounts.outbox")
def outbox_run() -> None:
    """Later reactions; woken after commit, and by beat every few seconds."""
    outbox.outbox_run()


@shared_task(name="accounts.webhooks")
def webhooks_send() -> None:
    """Due deliveries; woken after commit, and by beat every few seconds."""
    webhook.delivery_send_due()


@shared_task(name="accounts.password_reset_mail")
def password_reset_mail(address: str) -> None:
    """A link to a new password, if the address is somebody's."""
    mail.password_reset_mail(address=address)


@shared_task(name="accounts.erase")
def users_erase() -> None:
    """Accounts whose thirty days are over; hourly, or as often as beat says (a demo's clock can be moved)."""
    user.user_erase_due()


@shared_task(name="accounts.sweep")
def sweep() -> None:
    """What is only kept for a while: idempotency keys, codes, links, ended sessions; once a day."""
    idempotency.idempotency_sweep()
    sms.sms_sweep()
    mail.mail_sweep()
    session.session_sweep()
