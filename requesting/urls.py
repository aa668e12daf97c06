"""The room's addresses. An address says nothing about a patient: ids only."""

from django.urls import path

from .views import (
    amending,
    compose,
    department,
    detail,
    downtime,
    drills,
    keying,
    sending,
    tickets,
    tracking,
    vetting,
)

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
    path("requests/<uuid:item_id>/change", amending.amend, name="amend"),
    # While a link is down
    path("downtime/", downtime.downtime, name="downtime"),
    path("requests/<uuid:item_id>/form", downtime.choose, name="form"),
    path("downtime/<uuid:form_id>/", downtime.out, name="form-out"),
    path("downtime/<uuid:form_id>/act", downtime.act, name="form-act"),
    path("downtime/<uuid:form_id>/sheet", downtime.sheet, name="form-sheet"),
    path("downtime/<uuid:form_id>/pdf", downtime.pdf, name="form-pdf"),
    path("downtime/tickets/", tickets.tickets, name="tickets"),
    path("downtime/tickets/<int:ticket_id>/", tickets.ticket, name="ticket"),
    # A practised downtime
    path("downtime/drills/", drills.drills, name="drills"),
    path("downtime/drills/plan", drills.plan, name="plan-drill"),
    path("downtime/drills/<int:drill_id>/", drills.drill, name="drill"),
    path("downtime/drills/<int:drill_id>/act", drills.act, name="drill-act"),
    path("downtime/drills/<int:drill_id>/report", drills.report, name="drill-report"),
    path("downtime/drills/<int:drill_id>/report.csv", drills.report_file, name="drill-file"),
    path("downtime/drills/forms/<int:form_id>/", drills.practice_form, name="practice-form"),
    path("downtime/drills/forms/<int:form_id>/pdf", drills.practice_pdf, name="practice-pdf"),
    # The department that was asked: V1 to V3
    path("vetting/downtime/", keying.worklist, name="keying"),
    path("vetting/downtime/take/<uuid:item_id>/", keying.take, name="take"),
    path("vetting/downtime/<uuid:form_id>/", keying.form, name="keying-form"),
    path("vetting/", vetting.worklist, name="vetting"),
    path("vetting/changes", vetting.changes, name="vetting-changes"),
    path("vetting/start", vetting.start, name="vetting-start"),
    path("vetting/<uuid:item_id>/", vetting.vet, name="vet"),
    path("department/", department.department, name="department"),
]
