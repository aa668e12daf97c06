"""See the models of the same word."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0008_barriers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="partnerchange", name="change_state"),
        migrations.RemoveConstraint(
            model_name="partnerchange", name="two_people_change_a_partner"
        ),
        migrations.AddField(
            model_name="mailbox",
            name="entered_by_user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="partnerchange",
            name="state",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("applied", "Applied"),
                    ("refused", "Refused"),
                    ("withdrawn", "Withdrawn"),
                ],
                default="pending",
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="partnerchange",
            constraint=models.CheckConstraint(
                condition=Q(("state__in", ["pending", "applied", "refused", "withdrawn"])),
                name="change_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="partnerchange",
            constraint=models.CheckConstraint(
                condition=Q(
                    ("decided_by", None),
                    Q(("decided_by", F("proposed_by")), ("state", "withdrawn")),
                    Q(
                        Q(("state", "withdrawn"), _negated=True),
                        Q(("decided_by", F("proposed_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="two_people_change_a_partner",
            ),
        ),
    ]
