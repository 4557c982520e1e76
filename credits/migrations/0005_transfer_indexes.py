"""Transfers of a payer and withdrawals, found without reading all that a user ever did; built beside the traffic."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("credits", "0004_takebacks")]
    operations = [
        AddIndexConcurrently(
            "transaction", models.Index(fields=["user", "id"], name="transaction_transfer", condition=Q(kind__in=("tip", "unlock", "remix")))
        ),
        AddIndexConcurrently(
            "transaction", models.Index(fields=["user", "reference"], name="transaction_withdrawal", condition=Q(kind="withdraw"))
        ),
    ]
