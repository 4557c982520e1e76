"""The books' side of a paid order: credits/sql/settle.sql."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "settle.sql"


class Migration(migrations.Migration):
    dependencies = [("credits", "0003_default_data")]
    operations = [migrations.RunSQL(SQL.read_text(), "DROP FUNCTION credits_order_settle CASCADE;")]
