"""The books' functions and triggers, made from credits/sql/ by migrations.

A fresh database gets every file as it is today; one that is older gets them all anew whenever a migration says so.
"""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
DROP = """
DO $$
DECLARE
  v_function regprocedure;
BEGIN
  FOR v_function IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'credits\\_%'
  LOOP
    EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', v_function);
  END LOOP;
END $$;
"""
"""Drops all of the room's functions, whatever their text or signature, with the triggers that call them."""


def functions_anew(names: tuple[str, ...], *, before: tuple[str, ...] = ()) -> migrations.RunSQL:
    """The room's functions are those of the files `names`, and no others. Its reverse makes those of `before` anew, as they are today."""
    return migrations.RunSQL(DROP + _text(names), DROP + _text(before))


def _text(names: tuple[str, ...]) -> str:
    return "\n".join((SQL / f"{name}.sql").read_text() for name in names)
