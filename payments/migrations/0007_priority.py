"""Memberships that run already put their users' tasks first, as those bought from now on do."""

from django.db import migrations

GIVE = """
INSERT INTO credits_entitlement (user_id, name, valid_from, valid_until, daily_units, used_units)
SELECT user_id, 'priority', valid_from, valid_until, 0, 0 FROM credits_entitlement WHERE name = 'studio'
ON CONFLICT (user_id, name) DO NOTHING
"""
TAKE = "DELETE FROM credits_entitlement WHERE name = 'priority'"


class Migration(migrations.Migration):
    dependencies = [("payments", "0006_sandbox_numbers"), ("credits", "0006_maturing_wallet")]
    operations = [migrations.RunSQL(GIVE, TAKE)]
