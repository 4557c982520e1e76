"""Orders that an older sandbox served bear the numbers that the sandbox gives today, so that they can be asked about and refunded."""

from django.db import migrations

FORWARD = """
UPDATE payments_order SET charge_id = 'sbp_' || substr(charge_id, 4)
WHERE is_sandbox AND channel <> 'stripe' AND charge_id LIKE 'pi\\_%';
UPDATE payments_order SET external_id = CASE channel WHEN 'alipay' THEN replace(uuid::text, '-', '') ELSE '' END
WHERE is_sandbox AND channel IN ('alipay', 'wechat') AND external_id LIKE 'sb\\_%';
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_bank")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
