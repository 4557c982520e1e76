from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_password_changed")]

    operations = [
        migrations.AddField(model_name="user", name="profile_changed_at", field=models.DateTimeField(blank=True, null=True)),
    ]
