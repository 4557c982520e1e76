"""Alarms: what somebody must look at, one open row for each thing however often it happens."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.core.mail import mail_admins
from django.utils.translation import gettext as _

from accounts.models import User
from config.kernel.errors import InvalidInput
from config.kernel.sql import fetch_one
from payments.models import Alarm

log = logging.getLogger(__name__)
RAISE = """
INSERT INTO payments_alarm (kind, subject, text, times, raised_at, last_at, note)
VALUES (%s, %s, %s, 1, %s, %s, '')
ON CONFLICT (kind, subject) WHERE closed_at IS NULL
DO UPDATE SET times = payments_alarm.times + 1, text = excluded.text, last_at = greatest(payments_alarm.last_at, excluded.last_at)
RETURNING id, times
"""
MAILED_AT_ONCE = 50


def alarm_raise(*, kind: str, subject: str, text: str, at: dt.datetime) -> int:
    """An open alarm of this kind about this subject stands and counts one more; its id. Logged as an error.

    Inside a transaction it stands or falls with it. Operators hear of it by mail from `alarm_mail_due`, never in the caller's time.
    """
    row = fetch_one(RAISE, (kind[:40], subject[:255].replace("\x00", ""), text[:500].replace("\x00", ""), at, at))
    log.error("alarm %s about %s (%s times): %s", kind, subject, row.times, text)
    return int(row.id)


def alarm_close(*, alarm: Alarm, operator: User, note: str, at: dt.datetime) -> bool:
    """The alarm is closed with what was done about it; False when somebody was faster. Raises InvalidInput without a note."""
    said = note.strip()[:300]
    if not said:
        raise InvalidInput.field("note", "say what was done", "value_error.missing")
    still_open = Alarm.objects.filter(pk=alarm.pk, closed_at=None)
    return still_open.update(closed_at=at, closed_by=operator, note=said) == 1


def alarm_mail_due(*, at: dt.datetime) -> int:
    """Open alarms that no mail has told yet are told to the operators of `ADMINS` in one mail; how many. None configured: nothing.

    Raises OSError when the mail server does not take it: the next run tells them.
    """
    if not settings.ADMINS:
        return 0
    alarms = list(Alarm.objects.filter(closed_at=None, mailed_at=None).order_by("raised_at")[:MAILED_AT_ONCE])
    if alarms:
        lines = [f"{alarm.raised_at:%Y-%m-%d %H:%M} UTC  {alarm.kind}  {alarm.subject}\n    {alarm.text}" for alarm in alarms]
        footer = f"{settings.PUBLIC_BASE_URL}/admin/payments/alarm/"
        mail_admins(_("%(count)s new alarms") % {"count": len(alarms)}, "\n".join([*lines, "", footer]))
        Alarm.objects.filter(pk__in=[alarm.pk for alarm in alarms]).update(mailed_at=at)
    return len(alarms)
