"""The room's addresses. None of them holds what was searched for."""

from django.urls import path

from .views import finding, merging

app_name = "patients"
urlpatterns = [
    path("patients", finding.find, name="find"),
    path("merges", merging.merges, name="merges"),
    path("merges/<uuid:merge_id>/", merging.merge, name="merge"),
    path("merges/<uuid:merge_id>/decide", merging.decide, name="decide-merge"),
    path("merges/<uuid:merge_id>/undo", merging.undo, name="undo-merge"),
    path("p/<uuid:patient_id>/was/<uuid:retired_id>", merging.former, name="former"),
]
