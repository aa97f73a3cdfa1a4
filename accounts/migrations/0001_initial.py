import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='ReservedName',
            fields=[
                ('digest', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('until', models.DateField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='RevokedToken',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('expires_on', models.DateField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('username', models.CharField(max_length=32)),
                ('ver', models.PositiveIntegerField(default=0)),
                ('is_active', models.BooleanField(default=True)),
                ('is_staff', models.BooleanField(default=False)),
            ],
            options={
                'indexes': [models.Index(fields=['username'], name='user_username_prefix', opclasses=['varchar_pattern_ops'])],
                'constraints': [models.UniqueConstraint(fields=('username',), name='user_username_unique'), models.CheckConstraint(condition=models.Q(('username__regex', '^[a-z][a-z0-9_-]{1,31}\\Z')), name='user_username_canonical')],
            },
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('signing_key', models.BinaryField(max_length=32)),
                ('exchange_key', models.BinaryField(max_length=32)),
                ('suite', models.PositiveSmallIntegerField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='devices', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='DeviceLogin',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('pair', models.UUIDField()),
                ('pair_before', models.UUIDField(null=True)),
                ('expires_on', models.DateField(db_index=True)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='logins', to='accounts.device')),
            ],
        ),
        migrations.CreateModel(
            name='Envelope',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('sealed', models.BinaryField()),
                ('expires_on', models.DateField(db_index=True)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='envelopes', to='accounts.device')),
            ],
        ),
        migrations.CreateModel(
            name='OneTimePrekey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.PositiveSmallIntegerField()),
                ('key_id', models.PositiveBigIntegerField()),
                ('packed', models.BinaryField(null=True)),
                ('forget_on', models.DateField(db_index=True)),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='one_time_prekeys', to='accounts.device')),
            ],
        ),
        migrations.CreateModel(
            name='StandingPrekey',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.PositiveSmallIntegerField()),
                ('key_id', models.PositiveBigIntegerField()),
                ('packed', models.BinaryField()),
                ('device', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='standing_prekeys', to='accounts.device')),
            ],
        ),
        migrations.CreateModel(
            name='Statement',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField()),
                ('signed', models.BinaryField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='statements', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='DeliveryToken',
            fields=[
                ('digest', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='delivery_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('digest')), 32), name='delivery_token_digest_length')],
            },
        ),
        migrations.CreateModel(
            name='WithdrawnToken',
            fields=[
                ('digest', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='withdrawn_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('digest')), 32), name='withdrawn_token_digest_length')],
            },
        ),
        migrations.AddConstraint(
            model_name='device',
            constraint=models.CheckConstraint(condition=models.Q(('suite__in', [1, 2])), name='device_suite_known'),
        ),
        migrations.AddConstraint(
            model_name='device',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('signing_key')), 32), name='device_signing_key_length'),
        ),
        migrations.AddConstraint(
            model_name='device',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length(models.F('exchange_key')), 32), name='device_exchange_key_length'),
        ),
        migrations.AddConstraint(
            model_name='onetimeprekey',
            constraint=models.UniqueConstraint(fields=('device', 'kind', 'key_id'), name='one_time_prekey_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='onetimeprekey',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', (4, 3))), name='one_time_prekey_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='standingprekey',
            constraint=models.UniqueConstraint(fields=('device', 'kind'), name='standing_prekey_one_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='standingprekey',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', (1, 2))), name='standing_prekey_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='statement',
            constraint=models.UniqueConstraint(fields=('user', 'version'), name='statement_version_unique'),
        ),
    ]
