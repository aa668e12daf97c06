"""The hospital numbers of a record as a column of another room's query, for its banner."""

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef
from django.db.models.functions import JSONObject

from patients.models import Identifier


def hospital_numbers(patient: str = "patient_id") -> ArraySubquery:
    """Each as {"value", "issuer", "former_since"}; `patient`: the query's own column."""
    rows = Identifier.objects.filter(patient=OuterRef(patient)).order_by("pk")
    number = JSONObject(value=F("value"), issuer=F("issuer"), former_since=F("former_since"))
    return ArraySubquery(rows.values(number=number))
