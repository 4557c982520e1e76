"""The books' functions and triggers, from credits/sql/."""

import re
from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


def functions(name: str) -> migrations.RunSQL:
    """One file; its reverse drops the file's functions with the triggers that call them."""
    text = (SQL / f"{name}.sql").read_text()
    names = re.findall(r"^CREATE FUNCTION (\w+)", text, re.MULTILINE)
    return migrations.RunSQL(text, "".join(f"DROP FUNCTION {name} CASCADE;" for name in reversed(names)))


class Migration(migrations.Migration):
    dependencies = [("credits", "0001_initial"), ("accounts", "0001_initial")]
    operations = [functions(name) for name in ("refuse", "journal", "guard", "price", "limit", "spend", "transfer", "hold", "grant", "digest")]
