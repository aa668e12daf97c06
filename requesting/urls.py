"""The room's addresses. An address says nothing about a patient: ids only."""

from django.urls import path

from .views import compose, department, detail, sending, tracking, vetting

app_name = "requesting"
urlpatterns = [
    # Asking: R2 to R4
    path("p/<uuid:patient_id>/request/", compose.compose, name="compose"),
    path("p/<uuid:patient_id>/request/suggest", compose.suggest, name="suggest"),
    path("p/<uuid:patient_id>/request/check", sending.check, name="check"),
    path("p/<uuid:patient_id>/request/stay", sending.stay, name="stay"),
    path("p/<uuid:patient_id>/request/<uuid:request_id>/sent", sending.sent_page, name="sent"),
    path("p/<uuid:patient_id>/request/<uuid:request_id>/undo", sending.undo, name="undo"),
    path("p/<uuid:patient_id>/request/<uuid:request_id>/details", sending.details, name="details"),
    # How far it is: R5, A1
    path("requests/", tracking.mine, name="mine"),
    path("practice/", tracking.practice, name="practice"),
    path("requests/changes", tracking.changes, name="changes"),
    path("requests/download", tracking.download, name="download"),
    # One request: R6, R7
    path("requests/<uuid:item_id>/", detail.detail, name="detail"),
    path("requests/<uuid:item_id>/status", detail.status, name="status"),
    path("requests/<uuid:item_id>/act", detail.act, name="act"),
    path("requests/<uuid:item_id>/cancel", detail.cancel, name="cancel"),
    # The department that was asked: V1, V2
    path("vetting/", vetting.worklist, name="vetting"),
    path("vetting/changes", vetting.changes, name="vetting-changes"),
    path("vetting/start", vetting.start, name="vetting-start"),
    path("vetting/<uuid:item_id>/", vetting.vet, name="vet"),
    path("department/", department.department, name="department"),
]
