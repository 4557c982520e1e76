"""A creator's incomes that still mature, found without those that have; built beside the traffic."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("credits", "0005_transfer_indexes")]
    operations = [
        AddIndexConcurrently(
            "maturing", models.Index(fields=["wallet", "matures_at"], name="maturing_wallet", condition=Q(settled_by__isnull=True))
        ),
    ]
