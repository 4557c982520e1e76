"""What is taken back: debts of wallets, take-backs, clawbacks; and every function anew, because those of the first issue know none of it."""

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

from credits.migrations._functions import functions_anew

BEFORE = ("refuse", "journal", "guard", "price", "limit", "spend", "transfer", "hold", "grant", "digest")
FILES = (*BEFORE, "takeback", "clawback", "money")


class Migration(migrations.Migration):

    dependencies = [
        ('credits', '0003_default_data'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Clawback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(help_text='The dispute.', max_length=255)),
                ('credits', models.BigIntegerField(help_text="Of the transfer's paid credits.")),
                ('pending', models.BigIntegerField(help_text='Hundredths, taken while they matured.')),
                ('coins', models.BigIntegerField(help_text='Hundredths, taken of available coins.')),
                ('blocked', models.BigIntegerField(help_text='Hundredths, waited for while they sit in an open withdrawal.')),
                ('lost', models.BigIntegerField(help_text='Hundredths that were gone: borne by the platform.')),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(help_text='The dispute is lost since: what is blocked is taken when it comes back.', null=True)),
                ('settled_at', models.DateTimeField(help_text='Nothing is blocked since: the dispute was lost or won.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Repayment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('paid', models.BigIntegerField()),
                ('bonus', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Takeback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='Idempotency key, unique per user.', max_length=255)),
                ('reference', models.CharField(max_length=255)),
                ('paid', models.BigIntegerField(help_text='Paid credits taken.')),
                ('bonus', models.BigIntegerField(help_text='Bonus credits taken.')),
                ('bonus_instead', models.BigIntegerField(help_text='How many of the bonus credits stood in for paid ones that were gone.')),
                ('shortfall', models.BigIntegerField(help_text='Credits that were missing and are owed since.')),
                ('repaid_paid', models.BigIntegerField(default=0)),
                ('repaid_bonus', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='wallet',
            name='disputes',
            field=models.BigIntegerField(default=0, help_text='Open disputes of payments: any freezes the wallet.'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='shortfall',
            field=models.BigIntegerField(default=0, help_text='Credits owed: the next ones that come in repay them.'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('shortfall__gte', 0)), name='wallet_shortfall'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('shortfall', 0), models.Q(('bonus', 0), ('paid', 0)), _connector='OR'), name='wallet_owes_first'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('disputes__gte', 0)), name='wallet_disputes'),
        ),
        migrations.AddField(
            model_name='clawback',
            name='collected_by',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='credits.transaction'),
        ),
        migrations.AddField(
            model_name='clawback',
            name='payer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='clawback',
            name='recipient',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clawbacks', to='credits.wallet'),
        ),
        migrations.AddField(
            model_name='clawback',
            name='restored_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='credits.transaction'),
        ),
        migrations.AddField(
            model_name='clawback',
            name='taken_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='credits.transaction'),
        ),
        migrations.AddField(
            model_name='clawback',
            name='transfer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clawbacks', to='credits.transaction'),
        ),
        migrations.AddField(
            model_name='repayment',
            name='transaction',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='repayments', to='credits.transaction'),
        ),
        migrations.AddField(
            model_name='takeback',
            name='restored_by',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='restored_takeback', to='credits.transaction'),
        ),
        migrations.AddField(
            model_name='takeback',
            name='transaction',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='takeback', to='credits.transaction'),
        ),
        migrations.AddField(
            model_name='takeback',
            name='user',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='repayment',
            name='takeback',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='repayments', to='credits.takeback'),
        ),
        migrations.AddIndex(
            model_name='clawback',
            index=models.Index(condition=models.Q(('settled_at__isnull', True)), fields=['recipient'], name='clawback_open'),
        ),
        migrations.AddConstraint(
            model_name='clawback',
            constraint=models.UniqueConstraint(fields=('reference', 'transfer'), name='clawback_unique'),
        ),
        migrations.AddConstraint(
            model_name='clawback',
            constraint=models.CheckConstraint(condition=models.Q(('blocked__gte', 0), ('coins__gte', 0), ('credits__gt', 0), ('lost__gte', 0), ('pending__gte', 0)), name='clawback_parts'),
        ),
        migrations.AddConstraint(
            model_name='clawback',
            constraint=models.CheckConstraint(condition=models.Q(('blocked', 0), ('settled_at__isnull', True), ('restored_by__isnull', False), _connector='OR'), name='clawback_settled'),
        ),
        migrations.AddIndex(
            model_name='takeback',
            index=models.Index(condition=models.Q(('restored_by__isnull', True), ('shortfall__gt', django.db.models.expressions.CombinedExpression(models.F('repaid_paid'), '+', models.F('repaid_bonus')))), fields=['user', 'id'], name='takeback_open'),
        ),
        migrations.AddConstraint(
            model_name='takeback',
            constraint=models.UniqueConstraint(fields=('user', 'key'), name='takeback_key_unique'),
        ),
        migrations.AddConstraint(
            model_name='takeback',
            constraint=models.CheckConstraint(condition=models.Q(('bonus__gte', models.F('bonus_instead')), ('bonus_instead__gte', 0), ('paid__gte', 0)), name='takeback_taken'),
        ),
        migrations.AddConstraint(
            model_name='takeback',
            constraint=models.CheckConstraint(condition=models.Q(('repaid_bonus__gte', 0), ('repaid_paid__gte', 0), ('shortfall__gte', django.db.models.expressions.CombinedExpression(models.F('repaid_paid'), '+', models.F('repaid_bonus')))), name='takeback_repaid'),
        ),
        migrations.AddConstraint(
            model_name='repayment',
            constraint=models.CheckConstraint(condition=models.Q(('bonus__gte', 0), ('paid__gte', 0), models.Q(('bonus', 0), ('paid', 0), _negated=True)), name='repayment_amount'),
        ),
        migrations.AddConstraint(
            model_name='repayment',
            constraint=models.UniqueConstraint(fields=('takeback', 'transaction'), name='repayment_unique'),
        ),
        functions_anew(FILES, before=BEFORE),
    ]
