"""A gateway's day compared with ours, line by line: what differs is listed and alarmed."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from config.kernel import clock
from config.kernel.errors import InvalidInput
from payments.exceptions import PaymentUnavailable
from payments.gateways.base import Gateway, Rejected, StatementLine, Temporary
from payments.gateways.registry import statement_gateways
from payments.models import Difference, Order, Statement
from payments.services.alarm import alarm_raise
from payments.services.expiry import order_ask
from payments.services.statement_ours import Ours, known, of_window
from payments.states import PAID

log = logging.getLogger(__name__)
DAYS_BACK = 7
OVERDUE_DAYS = 3
"""A day that could not be fetched for so long is somebody's business."""
EDGE = dt.timedelta(minutes=5)
"""Clocks differ: a line near midnight may stand on the next day."""
NEIGHBOURS = 3
Kind = Difference.Kind


@dataclass(frozen=True, slots=True)
class Found:
    """One difference, before it is a row."""

    kind: str
    reference: str
    order_id: int | None
    gateway_cents: int | None
    our_cents: int | None


def statement_compare(*, channel: str, day: dt.date, at: dt.datetime, gateway: Gateway | None = None) -> Statement:
    """The gateway's day stands beside ours with its differences, an alarm if there are open ones. Again: compared anew, one row a day.

    What differed before and does not any more is closed; what an operator closed stays closed. Asks the gateway, outside any
    transaction. Raises NotConfigured, Temporary (not ready yet), Rejected.
    """
    gateway = gateway or statement_gateways()[channel]
    lines = gateway.statement(day)
    begin = dt.datetime.combine(day, dt.time(), dt.UTC if channel == Order.Channel.STRIPE else clock.SHANGHAI)
    ours = of_window(channel, begin - EDGE, begin + dt.timedelta(days=1) - EDGE)
    theirs = {(line.kind, _key(line)) for line in lines}
    found = [*_wrong(channel, lines, at), *_missing_there(gateway, day, ours, theirs)]
    gateway_cents = sum(_signed(line.kind, line.amount_cents) for line in lines)
    difference_cents = sum((each.gateway_cents or 0) - (each.our_cents or 0) for each in found)
    with transaction.atomic():
        facts = {"compared_at": at, "lines": len(lines), "gateway_cents": gateway_cents, "our_cents": gateway_cents - difference_cents}
        statement, _is_new = Statement.objects.update_or_create(channel=channel, day=day, defaults=facts)
        _write(statement, found, at)
    return statement


def statement_due(*, at: dt.datetime) -> int:
    """Each configured channel's last seven whole days that were never compared are; how many were. Outside any transaction.

    A day that the gateway does not hand out yet is tried again at the next run; after three days it raises an alarm.
    """
    return sum(_compared(channel, gateway, day, at) for channel, gateway in statement_gateways().items() for day in _days(channel, at))


def difference_close(*, difference: Difference, operator: User, note: str, at: dt.datetime) -> bool:
    """The difference is closed with what was done about it; False when it was closed before. Raises InvalidInput without a note."""
    said = note.strip()[:300]
    if not said:
        raise InvalidInput.field("note", "say what was done", "value_error.missing")
    return Difference.objects.filter(pk=difference.pk, closed_at=None).update(closed_at=at, closed_by=operator, note=said) == 1


def _days(channel: str, at: dt.datetime) -> list[dt.date]:
    """The whole days of the last week that have no row."""
    today = at.date() if channel == Order.Channel.STRIPE else clock.day_of(at)
    week = [today - dt.timedelta(days=back) for back in range(DAYS_BACK, 0, -1)]
    done = set(Statement.objects.filter(channel=channel, day__in=week).values_list("day", flat=True))
    return [day for day in week if day not in done]


def _compared(channel: str, gateway: Gateway, day: dt.date, at: dt.datetime) -> bool:
    try:
        statement_compare(channel=channel, day=day, at=at, gateway=gateway)
        return True
    except (Temporary, Rejected) as error:
        log.warning("no statement of %s for %s: %s", channel, day, error)
        if clock.day_of(at) - day >= dt.timedelta(days=OVERDUE_DAYS):
            text = f"{channel} does not hand out its statement of {day}: {error}"
            alarm_raise(kind="statement_missing", subject=f"statement:{channel}:{day}", text=text, at=at)
    except Exception:
        log.exception("the statement of %s for %s cannot be compared", channel, day)
    return False


def _key(line: StatementLine) -> str:
    return line.number or line.external_id


def _signed(kind: str, cents: int) -> int:
    return cents if kind == "payment" else -cents


def _wrong(channel: str, lines: Sequence[StatementLine], at: dt.datetime) -> Iterator[Found]:
    """Lines that we do not know, know with another amount, or do not count as done. Whatever day we count them on."""
    known_here = known(channel, lines)
    for line in lines:
        mine = _mine(known_here, line)
        theirs = _signed(line.kind, line.amount_cents)
        if mine is None:
            yield Found(Kind.MISSING_HERE, line.external_id or line.number, None, theirs, None)
        elif not mine.is_done and not _settled_late(mine, at):
            yield Found(Kind.STATE, _key(line), mine.order_id, theirs, None)
        elif (mine.amount_cents, mine.currency) != (line.amount_cents, line.currency):
            yield Found(Kind.AMOUNT, _key(line), mine.order_id, theirs, _signed(line.kind, mine.amount_cents))


def _mine(known_here: dict[tuple[str, str], Ours], line: StatementLine) -> Ours | None:
    """What we know of the line; a payment that names our order and another charge than the one that paid it is none."""
    by_charge = known_here.get((line.kind, line.external_id))
    by_number = known_here.get((line.kind, line.number))
    if by_charge is not None or by_number is None or line.kind == "refund":
        return by_charge or by_number
    return by_number if "" in (by_number.external_id, line.external_id) else None


def _settled_late(mine: Ours, at: dt.datetime) -> bool:
    """Whether the order of a payment that we never heard of is settled now, after its gateway was asked."""
    if mine.kind != "payment":
        return False
    with suppress(PaymentUnavailable):
        return order_ask(order=Order.objects.get(pk=mine.order_id), at=at) in PAID
    return False


def _missing_there(gateway: Gateway, day: dt.date, ours: Iterable[Ours], theirs: set[tuple[str, str]]) -> Iterator[Found]:
    """What we count on this day and the gateway on none: what we heard of late stands on one of the days since it was begun."""
    unmatched = [mine for mine in ours if not mine.keys & theirs]
    if not unmatched:
        return
    since = max(min(clock.day_of(mine.begun_at) for mine in unmatched) - dt.timedelta(days=1), day - dt.timedelta(days=NEIGHBOURS))
    before = {(line.kind, _key(line)) for back in range((day - since).days) for line in gateway.statement(since + dt.timedelta(days=back))}
    for mine in unmatched:
        if not mine.keys & before:
            yield Found(Kind.MISSING_THERE, mine.number, mine.order_id, None, _signed(mine.kind, mine.amount_cents))


def _write(statement: Statement, found: list[Found], at: dt.datetime) -> None:
    """The differences are rows, each once; those that are gone are closed; open ones raise the day's alarm."""
    for each in found:
        facts = {"order_id": each.order_id, "gateway_cents": each.gateway_cents, "our_cents": each.our_cents}
        Difference.objects.update_or_create(statement=statement, kind=each.kind, reference=each.reference, defaults=facts)
    still = {(each.kind, each.reference) for each in found}
    gone = [row.pk for row in statement.differences.filter(closed_at=None) if (row.kind, row.reference) not in still]
    Difference.objects.filter(pk__in=gone).update(closed_at=at, note="Gone when the day was compared again.")
    count = statement.differences.filter(closed_at=None).count()
    if count:
        text = f"{count} differences between {statement.channel} and us on {statement.day}."
        alarm_raise(kind="statement_differs", subject=f"statement:{statement.channel}:{statement.day}", text=text, at=at)
