import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Partner',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('host', models.CharField(default='127.0.0.1', max_length=120)),
                ('port', models.PositiveIntegerField(default=2576)),
                ('order_message', models.CharField(default='OMG^O19', max_length=8)),
                ('version', models.CharField(default='2.4', max_length=8)),
                ('character_set', models.CharField(default='UNICODE UTF-8', max_length=20)),
                ('processing_id', models.CharField(default='T', max_length=1)),
                ('our_application', models.CharField(default='ORDERCOMMS', max_length=40)),
                ('our_facility', models.CharField(default='OC1', max_length=40)),
                ('their_application', models.CharField(max_length=40)),
                ('their_facility', models.CharField(max_length=40)),
                ('acknowledgement_seconds', models.PositiveSmallIntegerField(default=30)),
                ('is_paused', models.BooleanField(default=False)),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('paused_by', models.CharField(blank=True, max_length=150)),
                ('paused_because', models.CharField(blank=True, max_length=300)),
                ('last_success_at', models.DateTimeField(blank=True, null=True)),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('failing_phase', models.CharField(blank=True, max_length=16)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('retry_at', models.DateTimeField(blank=True, null=True)),
                ('departments', models.ManyToManyField(blank=True, related_name='partners', to='accounts.organisation')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='OutboundMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('control_id', models.CharField(max_length=20, unique=True)),
                ('kind', models.CharField(max_length=16)),
                ('subject_type', models.CharField(max_length=40)),
                ('subject_id', models.CharField(max_length=40)),
                ('stream', models.CharField(max_length=60)),
                ('sequence', models.PositiveIntegerField()),
                ('raw', models.BinaryField()),
                ('state', models.CharField(default='waiting', max_length=12)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('lease_token', models.UUIDField(default=None, null=True)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('acknowledgement', models.CharField(blank=True, max_length=2)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('is_told_failing', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('first_sent_at', models.DateTimeField(blank=True, null=True)),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('handled_by', models.CharField(blank=True, max_length=150)),
                ('handled_at', models.DateTimeField(blank=True, null=True)),
                ('handled_how', models.CharField(blank=True, max_length=300)),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sent', to='messaging.partner')),
            ],
        ),
        migrations.CreateModel(
            name='InboundMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('peer', models.CharField(blank=True, max_length=60)),
                ('sending_application', models.CharField(blank=True, max_length=180)),
                ('sending_facility', models.CharField(blank=True, max_length=180)),
                ('control_id', models.CharField(blank=True, max_length=199)),
                ('message_type', models.CharField(blank=True, max_length=16)),
                ('raw', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
                ('state', models.CharField(default='received', max_length=12)),
                ('acknowledgement', models.CharField(blank=True, max_length=2)),
                ('reason_code', models.CharField(blank=True, max_length=40)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('ordering_key', models.CharField(blank=True, max_length=64)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('received_at', models.DateTimeField(auto_now_add=True)),
                ('processed_at', models.DateTimeField(blank=True, null=True)),
                ('handled_by', models.CharField(blank=True, max_length=150)),
                ('handled_at', models.DateTimeField(blank=True, null=True)),
                ('handled_how', models.CharField(blank=True, max_length=300)),
                ('repeat_of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='repeats', to='messaging.inboundmessage')),
                ('partner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='received', to='messaging.partner')),
            ],
        ),
        migrations.AddConstraint(
            model_name='partner',
            constraint=models.UniqueConstraint(fields=('their_application', 'their_facility'), name='one_partner_per_sender'),
        ),
        migrations.AddIndex(
            model_name='outboundmessage',
            index=models.Index(condition=models.Q(('state__in', ['waiting', 'sending', 'dead'])), fields=['partner', 'stream', 'sequence'], name='outbox_in_order'),
        ),
        migrations.AddIndex(
            model_name='outboundmessage',
            index=models.Index(fields=['state', '-created_at'], name='messaging_o_state_50b9fa_idx'),
        ),
        migrations.AddIndex(
            model_name='outboundmessage',
            index=models.Index(fields=['subject_type', 'subject_id'], name='messaging_o_subject_52c886_idx'),
        ),
        migrations.AddConstraint(
            model_name='outboundmessage',
            constraint=models.UniqueConstraint(fields=('partner', 'stream', 'sequence'), name='one_place_in_the_stream'),
        ),
        migrations.AddConstraint(
            model_name='outboundmessage',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'sending', 'acknowledged', 'dead', 'handled'])), name='outbox_state'),
        ),
        migrations.AddConstraint(
            model_name='outboundmessage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lease_token__isnull', False), ('state', 'sending')), models.Q(models.Q(('state', 'sending'), _negated=True), ('lease_token__isnull', True)), _connector='OR'), name='a_lease_while_sending'),
        ),
        migrations.AddIndex(
            model_name='inboundmessage',
            index=models.Index(condition=models.Q(('state', 'received')), fields=['ordering_key', 'id'], name='inbox_in_order'),
        ),
        migrations.AddIndex(
            model_name='inboundmessage',
            index=models.Index(condition=models.Q(('state', 'parked')), fields=['sha256'], name='inbox_parked'),
        ),
        migrations.AddIndex(
            model_name='inboundmessage',
            index=models.Index(fields=['state', '-received_at'], name='messaging_i_state_21da6a_idx'),
        ),
        migrations.AddIndex(
            model_name='inboundmessage',
            index=models.Index(fields=['partner', '-received_at'], name='messaging_i_partner_8dbf60_idx'),
        ),
        migrations.AddConstraint(
            model_name='inboundmessage',
            constraint=models.UniqueConstraint(condition=models.Q(('acknowledgement', 'AA'), ('partner__isnull', False), ('repeat_of__isnull', True)), fields=('partner', 'sending_application', 'sending_facility', 'control_id'), name='one_message_per_control_id'),
        ),
        migrations.AddConstraint(
            model_name='inboundmessage',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['received', 'processed', 'parked', 'handled', 'refused', 'repeat'])), name='inbox_state'),
        ),
    ]
