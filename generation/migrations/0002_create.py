from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "create.sql"


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0001_initial"),
        ("accounts", "0002_functions"),
        ("credits", "0002_functions"),
    ]
    operations = [
        migrations.RunSQL(SQL.read_text(), "drop function generation_task_create"),
    ]
