"""A study that our PACS took out again: a state of its own, and since when."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("iep", "0018_tries")]

    operations = [
        migrations.RemoveConstraint(model_name="study", name="study_state"),
        migrations.AddField(
            model_name="study",
            name="taken_out_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="study",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "arriving",
                            "stopped",
                            "failed_verification",
                            "matched",
                            "filed",
                            "taken_out",
                            "outgoing",
                            "discarded",
                        ],
                    )
                ),
                name="study_state",
            ),
        ),
    ]
