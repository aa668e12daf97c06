"""The product's addresses, and a record page for as long as the product has none of its own."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path

from ordercomms.urls import urlpatterns as of_the_product


def record(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    return HttpResponse("record")


urlpatterns = [*of_the_product, path("p/<uuid:patient_id>/", record, name="record")]
