"""The bank account from which withdrawals are paid by hand."""

from django.db import migrations


def add(apps, schema_editor):
    apps.get_model("credits", "Account").objects.get_or_create(
        code="cash:bank", defaults={"purpose": "Money at the bank: withdrawals paid by hand."}
    )


class Migration(migrations.Migration):
    dependencies = [("payments", "0004_catalogue"), ("credits", "0003_default_data")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
