"""What a database is for: demo or production. The mark is written into an empty one and never changed."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Installation, User
from config.kernel import clock


class WrongInstallation(SystemExit):
    """This process and this database do not go together; the text is what its starter reads."""


DEMO_ON_FOREIGN = "demo mode refuses this database: it holds data that is not a demo's (DEMO=0 runs for production)"
PRODUCTION_ON_DEMO = "this database is a demo's: production refuses it (give another DATABASE_URL or DATA_DIR, or DEMO=1)"
UNMARKED = "this database is not prepared: run `manage.py migrate` and `manage.py prepare` (make run does both)"


def installation_judge() -> None:
    """Returns when this process may migrate and use the database. Raises WrongInstallation; nothing is written.

    A database without tables, and one without a mark and without users, is empty. `BENCH` may measure a demo's.
    """
    tables = set(connection.introspection.table_names())
    mark = Installation.objects.first() if Installation._meta.db_table in tables else None
    if mark is not None:
        _judge_mark(mark)
    elif settings.DEMO and _holds_data(tables):
        raise WrongInstallation(DEMO_ON_FOREIGN)


def _judge_mark(mark: Installation) -> None:
    if settings.DEMO and not mark.is_demo:
        raise WrongInstallation(DEMO_ON_FOREIGN)
    if mark.is_demo and not settings.DEMO and not settings.BENCH:
        raise WrongInstallation(PRODUCTION_ON_DEMO)


def _holds_data(tables: set[str]) -> bool:
    if User._meta.db_table in tables:
        return User.objects.exists()
    return bool(tables)


def installation_mark() -> Installation:
    """The database carries its mark; one that has it already keeps it. Takes the mark's row, raises WrongInstallation."""
    installation_judge()
    with transaction.atomic():
        mark, _ = Installation.objects.get_or_create(id=1, defaults={"is_demo": settings.DEMO, "created_at": clock.real_now()})
    _judge_mark(mark)
    return mark


def installation_check() -> None:
    """Returns when this process may serve this database: called once when a web process or a worker starts.

    Raises WrongInstallation on a database without a mark or with the other one, and the database's own error
    when it does not answer. The connection is closed again, so that a process may fork after it.
    """
    try:
        if Installation._meta.db_table not in connection.introspection.table_names():
            raise WrongInstallation(UNMARKED)
        mark = Installation.objects.first()
        if mark is None:
            raise WrongInstallation(UNMARKED)
        _judge_mark(mark)
    finally:
        connection.close()
