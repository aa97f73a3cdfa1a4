import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_user_visibility'),
    ]

    operations = [
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('digest', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('expires_on', models.DateField(db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name='user',
            name='is_superuser',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='user',
            name='username',
            field=models.CharField(error_messages={'unique': 'The name is taken.'}, max_length=32, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_-]{1,31}\\Z', '2 to 32 letters a to z, digits, _ or -, starting with a letter.')]),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('is_superuser', False), ('is_staff', True), _connector='OR'), name='user_superuser_is_staff'),
        ),
    ]
