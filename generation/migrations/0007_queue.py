"""Who is entitled to it stands first, the queue's limit is exact, times are measured by kind and alias, hits are kept for operators."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

CREATE = Path(__file__).resolve().parent.parent / "sql" / "create.sql"
PRIORITY = "1 stands before 0: entitled to it at creation, or waited long."


class Migration(migrations.Migration):
    atomic = False  # indexes of a large table are built beside the traffic
    dependencies = [("generation", "0006_stargraph_routes"), ("credits", "0006_maturing_wallet")]
    operations = [
        # The reverse leaves the function as a fresh database gets it: what called the older one may call it too.
        migrations.RunSQL("drop function if exists generation_task_create;\n" + CREATE.read_text(), migrations.RunSQL.noop),
        AddIndexConcurrently(
            "task", models.Index(fields=["kind", "alias", "-completed_at"], name="task_measured", condition=Q(status="SUCCEEDED"))
        ),
        RemoveIndexConcurrently("task", "task_succeeded"),
        migrations.AlterField("task", "priority", models.SmallIntegerField(default=0, help_text=PRIORITY)),
        migrations.CreateModel(
            "ModerationHit",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "verdict",
                    models.CharField(
                        "verdict",
                        max_length=12,
                        choices=[("refused", "Refused"), ("unjudged", "Let pass unjudged"), ("unavailable", "Refused unjudged")],
                    ),
                ),
                ("moderator", models.CharField("moderator", max_length=20, help_text="Who judged: our words, or the one outside.")),
                ("category", models.CharField("category", max_length=120, help_text="The word, or the moderator's categories.")),
                ("kind", models.CharField("kind", max_length=20)),
                ("field", models.CharField("field", max_length=40, help_text="The parameter that held it.")),
                ("excerpt", models.CharField("excerpt", max_length=300, help_text="How the text begins.")),
                ("created_at", models.DateTimeField("time")),
                (
                    "user",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL,
                        django.db.models.deletion.CASCADE,
                        db_constraint=False,
                        db_index=False,
                        related_name="moderation_hits",
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "moderation hit",
                "verbose_name_plural": "moderation hits",
                "indexes": [models.Index(fields=["user", "-id"], name="moderationhit_user")],
            },
        ),
    ]
