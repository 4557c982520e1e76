"""The room's database functions, from accounts/sql/."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


def function(name: str, reverse: str) -> migrations.RunSQL:
    return migrations.RunSQL((SQL / f"{name}.sql").read_text(), reverse)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        function("event_append", "DROP FUNCTION accounts_event_append(bigint, text, jsonb, timestamptz, text[])"),
        function(
            "event_guard",
            "DROP TRIGGER accounts_event_guard ON accounts_event;"
            "DROP TRIGGER accounts_event_guard_truncate ON accounts_event;"
            "DROP FUNCTION accounts_event_guard()",
        ),
        function("event_erase", "DROP FUNCTION accounts_event_erase(bigint)"),
        function("idempotency_claim", "DROP FUNCTION accounts_idempotency_claim(bigint, text, bytea, timestamptz, int)"),
    ]
