"""A requester of images has a mailbox of their own. See messaging.models.mail."""

from django.db import migrations, models
from django.db.models import Q

PURPOSES = ["downtime", "requests", "results", "alerts", "service", "drill", "images"]


class Migration(migrations.Migration):
    dependencies = [("messaging", "0009_second_persons")]

    operations = [
        migrations.RemoveConstraint(model_name="mailbox", name="one_mailbox_for_each_thing"),
        migrations.RemoveConstraint(model_name="mailbox", name="mailbox_purpose"),
        migrations.AddField(
            model_name="mailbox",
            name="is_personal",
            field=models.BooleanField(default=False),
        ),
        migrations.AddConstraint(
            model_name="mailbox",
            constraint=models.UniqueConstraint(
                fields=["organisation", "purpose", "modality"],
                condition=Q(valid_to__isnull=True, is_personal=False),
                name="one_mailbox_for_each_thing",
            ),
        ),
        migrations.AddConstraint(
            model_name="mailbox",
            constraint=models.UniqueConstraint(
                fields=["organisation", "purpose", "address"],
                condition=Q(valid_to__isnull=True, is_personal=True),
                name="one_mailbox_for_each_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="mailbox",
            constraint=models.CheckConstraint(
                condition=Q(is_personal=False) | Q(purpose="images", modality=""),
                name="a_personal_mailbox_is_for_images",
            ),
        ),
        migrations.AddConstraint(
            model_name="mailbox",
            constraint=models.CheckConstraint(
                condition=Q(purpose__in=PURPOSES), name="mailbox_purpose"
            ),
        ),
    ]
