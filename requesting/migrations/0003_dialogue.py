"""See the models of the same word: a request is changed, put on hold, and its sample is told of."""

from django.db import migrations, models
from django.db.models import CASCADE, PROTECT

CONTROLS = [
    ("NW", "New order"), ("XO", "Change order"), ("SC", "Sample taken"), ("CA", "Cancel order"),
]  # fmt: skip
ATTENTIONS = ["", "exam_changed", "cancel_refused", "change_refused", "cancelled"]


class Migration(migrations.Migration):
    dependencies = [("requesting", "0002_numbers")]

    operations = [
        migrations.RemoveConstraint(model_name="requestitem", name="attention_is_known"),
        migrations.AddField(
            "requestitem", "change_sent_at", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(
            "requestitem", "held_for", models.CharField(blank=True, max_length=300, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            "requestitem", "held_since", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(
            "requestitem", "stepped_at", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AlterField(
            "ordermessage", "control", models.CharField(choices=CONTROLS, max_length=2)
        ),
        migrations.AddConstraint(
            "requestitem",
            models.CheckConstraint(
                condition=models.Q(attention__in=ATTENTIONS), name="attention_is_known"
            ),
        ),
        migrations.CreateModel(
            name="Amendment",
            fields=[
                ("id", models.BigAutoField(
                    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                )),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                ("answer", models.CharField(blank=True, max_length=2)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("event", models.OneToOneField(
                    on_delete=PROTECT, related_name="amendment", to="requesting.requestevent"
                )),
                ("item", models.ForeignKey(
                    on_delete=CASCADE, related_name="amendments", to="requesting.requestitem"
                )),
                ("order", models.ForeignKey(
                    on_delete=PROTECT, related_name="amendments", to="requesting.ordermessage"
                )),
            ],
        ),
    ]  # fmt: skip
