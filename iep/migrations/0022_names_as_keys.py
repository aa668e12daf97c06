"""Tickets and transactions are found by name as patients are: without case, accents, apostrophes."""

from django.db import migrations, models
from django.db.models import F, Func, Value

DROPPED = r"[\u0300-\u036f\s.,'’‘`´ʼʻ()/_\u002d\u00ad\u2010-\u2015\u2212]+"


def key_of(field):
    apart = Func(F(field), template="normalize(%(expressions)s, NFKD)")
    kept = Func(apart, Value(DROPPED), Value(""), Value("g"), function="regexp_replace")
    letters = Value("ØøŁłĐđÐðÞþßÆæŒœıĦħ"), Value("oollddddttsaaooihh")
    return models.GeneratedField(
        expression=Func(Func(kept, *letters, function="translate"), function="lower"),
        output_field=models.CharField(max_length=400, db_collation="C"),
        db_persist=True,
    )


def keys_of(model):
    for name, field in (("family_key", "family_name"), ("given_key", "given_names")):
        yield migrations.AddField(model_name=model, name=name, field=key_of(field))


def index(model, name):
    fields = ["family_key", "given_key"]
    return migrations.AddIndex(model_name=model, index=models.Index(fields=fields, name=name))


class Migration(migrations.Migration):
    dependencies = [("iep", "0021_asked_at"), ("patients", "0002_merging")]

    operations = [
        migrations.RemoveIndex(model_name="ticket", name="tickets_family"),
        migrations.RemoveIndex(model_name="transaction", name="transactions_family"),
        *keys_of("ticket"),
        *keys_of("transaction"),
        index("ticket", "tickets_name"),
        index("transaction", "transactions_name"),
    ]
