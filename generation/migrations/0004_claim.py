"""The function that picks the next task, from generation/sql/claim.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("generation", "0003_default_engine")]
    operations = [migrations.RunSQL((SQL / "claim.sql").read_text(), "drop function generation_task_next(int, timestamptz)")]
