"""Calls of our own database functions: one round trip, prepared on the server, errors in domain words.

A function of the database refuses with `RAISE EXCEPTION USING ERRCODE = 'ATELR', MESSAGE = '<code>',
DETAIL = '<json params>'`; the caller sees the `DomainError` of that code. Lock time-outs, deadlocks and
serialisation failures become the retryable `DatabaseUnavailable`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import psycopg
from django.db import connection, transaction
from psycopg.rows import namedtuple_row

from config.kernel.errors import DatabaseUnavailable, DomainError

REFUSED = "ATELR"
RETRYABLE = {"55P03", "40001", "40P01", "57014", "57P01", "57P02", "57P03", "53300"}


def _raise_domain(error: psycopg.Error) -> None:
    """Raise the domain error that `error` stands for; return if it stands for none."""
    if error.sqlstate == REFUSED:
        params = json.loads(error.diag.message_detail or "{}")
        raise DomainError.for_code(error.diag.message_primary or "")(**params) from error
    if error.sqlstate in RETRYABLE or isinstance(error, psycopg.OperationalError):
        raise DatabaseUnavailable() from error


@contextmanager
def domain_errors() -> Iterator[None]:
    """Within: a refusal of the database leaves as its `DomainError`, also out of the ORM."""
    try:
        yield
    except psycopg.Error as error:
        _raise_domain(error)
        raise
    except Exception as error:
        if isinstance(error.__cause__, psycopg.Error):
            _raise_domain(error.__cause__)
        raise


def fetch_all(statement: str, params: Sequence[Any] = ()) -> list[Any]:
    """All rows of one prepared statement, as named tuples. `%s` marks a parameter, bound on the server."""

    def run(sql: str, args: Any, _many: bool, _context: dict[str, Any]) -> list[NamedTuple]:
        connection.ensure_connection()
        raw: psycopg.Connection[Any] = connection.connection
        with psycopg.Cursor(raw, row_factory=namedtuple_row) as cursor:
            cursor.execute(sql, args, prepare=True)
            return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []

    for wrapper in reversed(connection.execute_wrappers):
        run = _wrapped(wrapper, run)
    with domain_errors(), connection.wrap_database_errors:
        return run(statement, params, False, {"connection": connection, "cursor": None})


def _wrapped(wrapper: Any, inner: Any) -> Any:
    return lambda sql, params, many, context: wrapper(inner, sql, params, many, context)


def fetch_one(statement: str, params: Sequence[Any] = ()) -> Any:
    """The first row of one prepared statement as a named tuple, or None."""
    rows = fetch_all(statement, params)
    return rows[0] if rows else None


def call(statement: str, params: Sequence[Any] = ()) -> Any:
    """`fetch_one` for a function that may refuse: inside a caller's transaction a refusal undoes only this call."""
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        return fetch_one(statement, params)
