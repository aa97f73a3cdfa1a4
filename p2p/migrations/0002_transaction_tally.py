import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('p2p', '0001_initial'),
    ]

    operations = [
        migrations.AlterModelOptions(name='p2ptransaction', options={'verbose_name': 'transaction'}),
        migrations.CreateModel(
            name='TransactionTally',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('hour', models.DateTimeField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('completed', 'Completed'), ('failed', 'Failed')], max_length=9)),
                ('cause', models.CharField(blank=True, choices=[('too_few_forwarders', 'too_few_forwarders'), ('no_offer', 'no_offer'), ('hop_failed', 'hop_failed'), ('peer_gone', 'peer_gone'), ('no_receipt', 'no_receipt'), ('superseded', 'superseded'), ('no_path', 'no_path'), ('idle', 'idle'), ('lost', 'lost')], default='', max_length=18)),
                ('had_path', models.BooleanField()),
                ('count', models.PositiveIntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('hour', 'state', 'cause', 'had_path'), name='p2p_tally_one_of_a_kind')],
            },
        ),
    ]
