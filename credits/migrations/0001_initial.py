"""The books' tables."""

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Account',
            fields=[
                ('code', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('purpose', models.CharField(max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name='Digest',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('last_posting_id', models.BigIntegerField(help_text='It covers the postings up to this one.')),
                ('wallets', models.BigIntegerField(help_text='How many wallets had postings.')),
                ('digest', models.BinaryField(max_length=32)),
                ('taken_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Offer',
            fields=[
                ('code', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('is_active', models.BooleanField(default=True, help_text='Off: it cannot be bought.')),
            ],
        ),
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True)),
                ('title', models.CharField(max_length=100)),
                ('is_active', models.BooleanField(default=True, help_text='Off: nothing new is paid or promised; promises are kept.')),
                ('budget_credits', models.BigIntegerField()),
                ('remaining_credits', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('remaining_credits__gte', 0)), name='campaign_remaining'), models.CheckConstraint(condition=models.Q(('remaining_credits__lte', models.F('budget_credits'))), name='campaign_budget')],
            },
        ),
        migrations.CreateModel(
            name='SpendLimit',
            fields=[
                ('api_key', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='spend_limit', serialize=False, to='accounts.apikey')),
                ('day_credits', models.BigIntegerField(blank=True, null=True)),
                ('total_credits', models.BigIntegerField(blank=True, null=True)),
                ('used_credits', models.BigIntegerField(default=0, help_text='Spent and held since the limit exists, less what came back.')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('used_credits__gte', 0)), name='spendlimit_used')],
            },
        ),
        migrations.CreateModel(
            name='Transaction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='Idempotency key, unique per owner.', max_length=255)),
                ('input_hash', models.BinaryField(max_length=32)),
                ('kind', models.CharField(choices=[('recharge', 'Recharge'), ('gift', 'Gift'), ('spend', 'Spend'), ('refund', 'Refund'), ('hold', 'Hold'), ('release', 'Release'), ('tip', 'Tip'), ('unlock', 'Unlock'), ('remix', 'Remix'), ('commission', 'Commission'), ('claim', 'Claim'), ('adjust', 'Adjust'), ('withdraw', 'Withdraw')], max_length=12)),
                ('reference', models.CharField(help_text='What it is about, e.g. task:<uuid>; never free text.', max_length=255)),
                ('api_key_id', models.BigIntegerField(null=True)),
                ('limit_day', models.DateField(help_text='The day it was counted on, against a spend limit or an entitlement.', null=True)),
                ('entitlement_id', models.BigIntegerField(help_text='The entitlement that made it free.', null=True)),
                ('reverses_id', models.BigIntegerField(help_text='The transaction that it gives back.', null=True)),
                ('created_at', models.DateTimeField()),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Wallet',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='wallet', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('paid', models.BigIntegerField(default=0, help_text='Credits that were paid for.')),
                ('bonus', models.BigIntegerField(default=0, help_text='Credits that were given.')),
                ('held_paid', models.BigIntegerField(default=0)),
                ('held_bonus', models.BigIntegerField(default=0)),
                ('coins_pending', models.BigIntegerField(default=0, help_text='Hundredths of coins that still mature.')),
                ('coins', models.BigIntegerField(default=0, help_text='Hundredths of coins.')),
                ('coins_leaving', models.BigIntegerField(default=0, help_text='Hundredths of coins in an open withdrawal.')),
                ('spent', models.BigIntegerField(default=0, help_text='Credits: debits less refunds, without what is held.')),
                ('seq', models.BigIntegerField(default=0, help_text='The number of the last posting.')),
                ('head', models.BinaryField(help_text='The hash of the last posting.', max_length=32)),
                ('bonus_is_free', models.BooleanField(default=False, help_text='Bonus credits may leave by tips, unlocks and fees too.')),
                ('pays_pending_until', models.DateTimeField(blank=True, help_text='Coins this user pays mature no earlier.', null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('paid__gte', 0)), name='wallet_paid'), models.CheckConstraint(condition=models.Q(('bonus__gte', 0)), name='wallet_bonus'), models.CheckConstraint(condition=models.Q(('held_paid__gte', 0)), name='wallet_held_paid'), models.CheckConstraint(condition=models.Q(('held_bonus__gte', 0)), name='wallet_held_bonus'), models.CheckConstraint(condition=models.Q(('coins_pending__gte', 0)), name='wallet_coins_pending'), models.CheckConstraint(condition=models.Q(('coins__gte', 0)), name='wallet_coins'), models.CheckConstraint(condition=models.Q(('coins_leaving__gte', 0)), name='wallet_coins_leaving')],
            },
        ),
        migrations.CreateModel(
            name='Posting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField(null=True)),
                ('account', models.CharField(help_text='A bucket of a user, or a code of the platform.', max_length=64)),
                ('unit', models.CharField(choices=[('credits', 'Credits'), ('coins', 'Coins'), ('cny', 'Cny')], max_length=8)),
                ('amount', models.BigIntegerField()),
                ('balance', models.BigIntegerField(null=True)),
                ('hash', models.BinaryField(max_length=32, null=True)),
                ('transaction', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='postings', to='credits.transaction')),
                ('wallet', models.ForeignKey(db_column='user_id', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='postings', to='credits.wallet')),
            ],
        ),
        migrations.CreateModel(
            name='Maturing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount_hundredths', models.BigIntegerField()),
                ('matures_at', models.DateTimeField()),
                ('settled_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='matured', to='credits.transaction')),
                ('transaction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='maturing', to='credits.transaction')),
                ('wallet', models.ForeignKey(db_column='user_id', on_delete=django.db.models.deletion.PROTECT, related_name='maturing', to='credits.wallet')),
            ],
            options={
                'verbose_name_plural': 'maturing coins',
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('recharge', 'Recharge'), ('gift', 'Gift'), ('spend', 'Spend'), ('refund', 'Refund'), ('hold', 'Hold'), ('release', 'Release'), ('tip', 'Tip'), ('unlock', 'Unlock'), ('remix', 'Remix'), ('commission', 'Commission'), ('claim', 'Claim'), ('adjust', 'Adjust'), ('withdraw', 'Withdraw')], help_text='What its capture is called in the ledger.', max_length=12)),
                ('reference', models.CharField(max_length=255)),
                ('api_key_id', models.BigIntegerField(null=True)),
                ('limit_day', models.DateField(null=True)),
                ('paid', models.BigIntegerField()),
                ('bonus', models.BigIntegerField()),
                ('bonus_first', models.BooleanField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('captured', 'Captured'), ('released', 'Released')], default='open', max_length=8)),
                ('charged', models.BigIntegerField(default=0, help_text='Credits that its capture took.')),
                ('created_at', models.DateTimeField()),
                ('resolved_at', models.DateTimeField(null=True)),
                ('resolution', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='resolved_hold', to='credits.transaction')),
                ('transaction', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='hold', to='credits.transaction')),
                ('wallet', models.ForeignKey(db_column='user_id', on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='credits.wallet')),
            ],
        ),
        migrations.CreateModel(
            name='Entitlement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('valid_from', models.DateTimeField()),
                ('valid_until', models.DateTimeField()),
                ('daily_units', models.PositiveIntegerField(help_text='Fair use: free spends a day (Asia/Shanghai).')),
                ('used_day', models.DateField(blank=True, null=True)),
                ('used_units', models.PositiveIntegerField(default=0, help_text='Free spends on that day.')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entitlements', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'name'), name='entitlement_unique'), models.CheckConstraint(condition=models.Q(('valid_until__gte', models.F('valid_from'))), name='entitlement_period')],
            },
        ),
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('match', models.JSONField(blank=True, default=dict, help_text='Parameters that it is for, e.g. {"quality": "hd"}; {}: any.')),
                ('amount_credits', models.BigIntegerField()),
                ('unit', models.CharField(choices=[('task', 'Task'), ('second', 'Second'), ('image', 'Image')], default='task', max_length=8)),
                ('offer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='credits.offer')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('offer', 'match'), name='price_unique'), models.CheckConstraint(condition=models.Q(('amount_credits__gte', 0)), name='price_amount'), models.CheckConstraint(condition=models.Q(('unit__in', ['task', 'second', 'image'])), name='price_unit')],
            },
        ),
        migrations.CreateModel(
            name='Promise',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('reference', models.CharField(max_length=255)),
                ('amount_credits', models.BigIntegerField()),
                ('paid_credits', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('campaign', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='promises', to='credits.campaign')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='promise_key_unique'), models.CheckConstraint(condition=models.Q(('amount_credits__gt', 0)), name='promise_amount'), models.CheckConstraint(condition=models.Q(('paid_credits__gte', 0), ('paid_credits__lte', models.F('amount_credits'))), name='promise_paid')],
            },
        ),
        migrations.CreateModel(
            name='SpendUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('used_credits', models.BigIntegerField()),
                ('limit', models.ForeignKey(db_column='api_key_id', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='usage', to='credits.spendlimit')),
            ],
            options={
                'verbose_name_plural': 'spend usage',
                'constraints': [models.UniqueConstraint(fields=('limit', 'day'), name='spendusage_unique'), models.CheckConstraint(condition=models.Q(('used_credits__gte', 0)), name='spendusage_used')],
            },
        ),
        migrations.AddConstraint(
            model_name='transaction',
            constraint=models.UniqueConstraint(fields=('user', 'key'), name='transaction_key_unique'),
        ),
        migrations.AddConstraint(
            model_name='transaction',
            constraint=models.UniqueConstraint(condition=models.Q(('reverses_id__isnull', False)), fields=('reverses_id',), name='transaction_reversed_once'),
        ),
        migrations.AddConstraint(
            model_name='transaction',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['recharge', 'gift', 'spend', 'refund', 'hold', 'release', 'tip', 'unlock', 'remix', 'commission', 'claim', 'adjust', 'withdraw'])), name='transaction_kind'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.UniqueConstraint(condition=models.Q(('wallet__isnull', False)), fields=('wallet', 'seq'), name='posting_seq_unique'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='posting_amount'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.CheckConstraint(condition=models.Q(('unit__in', ['credits', 'coins', 'cny'])), name='posting_unit'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('balance__isnull', True), ('hash__isnull', True), ('seq__isnull', True), ('wallet__isnull', True)), models.Q(('balance__isnull', False), ('hash__isnull', False), ('seq__isnull', False), ('wallet__isnull', False)), _connector='OR'), name='posting_chained'),
        ),
        migrations.AddConstraint(
            model_name='posting',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('wallet__isnull', False), models.Q(models.Q(('account__in', ['paid', 'bonus', 'held_paid', 'held_bonus']), ('unit', 'credits')), models.Q(('account__in', ['coins_pending', 'coins', 'coins_leaving']), ('unit', 'coins')), _connector='OR')), models.Q(('wallet__isnull', True), models.Q(('account__in', ['paid', 'bonus', 'held_paid', 'held_bonus', 'coins_pending', 'coins', 'coins_leaving']), _negated=True)), _connector='OR'), name='posting_account'),
        ),
        migrations.AddIndex(
            model_name='maturing',
            index=models.Index(condition=models.Q(('settled_by__isnull', True)), fields=['matures_at', 'id'], name='maturing_due'),
        ),
        migrations.AddConstraint(
            model_name='maturing',
            constraint=models.CheckConstraint(condition=models.Q(('amount_hundredths__gt', 0)), name='maturing_amount'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(fields=['wallet', '-id'], name='hold_wallet'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('bonus__gte', 0), ('paid__gte', 0)), name='hold_parts'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('charged__gte', 0), ('charged__lte', django.db.models.expressions.CombinedExpression(models.F('paid'), '+', models.F('bonus')))), name='hold_charged'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('charged', 0), ('resolution__isnull', True), ('state', 'open')), models.Q(('resolution__isnull', False), ('state', 'captured')), models.Q(('charged', 0), ('resolution__isnull', False), ('state', 'released')), _connector='OR'), name='hold_state'),
        ),
    ]
