"""Every address of the image exchange."""

from django.urls import URLPattern, path, register_converter

from iep.call_reference import CallReference
from iep.gateway.urls import urlpatterns as gateway_patterns
from iep.views import (
    arrivals,
    asking,
    choosing,
    discs,
    failures,
    figures,
    home,
    images,
    institutions,
    making,
    match,
    mine,
    queues,
    scans,
    ticket,
    transaction,
    trauma,
)

app_name = "iep"
register_converter(CallReference, "callref")
urlpatterns: list[URLPattern] = [
    # Tickets: asking, one ticket
    path("new/", asking.ask, name="ask"),
    path("mine/", mine.mine, name="mine"),
    path("mine/now", mine.mine_now, name="mine-now"),
    path("<callref:reference>/", ticket.ticket, name="ticket"),
    path("<callref:reference>/live", ticket.live, name="ticket-live"),
    path("<callref:reference>/scans/", scans.scans, name="ticket-scans"),
    path("<callref:reference>/act", ticket.act, name="ticket-act"),
    # Transactions: home, one transaction
    path("", home.home, name="home"),
    path("changes", home.changes, name="home-changes"),
    path("create/", making.create, name="create"),
    path("t/<int:number>/", transaction.transaction, name="transaction"),
    path("t/<int:number>/status", transaction.status, name="transaction-status"),
    path("t/<int:number>/act", transaction.act, name="transaction-act"),
    path("t/<int:number>/images/", choosing.images, name="choose-images"),
    path("t/<int:number>/again/", making.again, name="again"),
    path("t/<int:number>/decline/", transaction.decline, name="decline"),
    path("t/<int:number>/cancel/", transaction.cancel, name="cancel"),
    path("t/<int:number>/reports/<uuid:attachment_id>", transaction.attachment, name="attachment"),
    # Institutions
    path("institutions/", institutions.institutions, name="institutions"),
    path("institutions/new/", institutions.new, name="new-institution"),
    path("institutions/<int:pk>/", institutions.institution, name="institution"),
    path("institutions/<int:pk>/change/", institutions.change, name="change-institution"),
    path("institutions/<int:pk>/machines/new/", institutions.new_node, name="new-node"),
    path(
        "institutions/<int:pk>/machines/<int:node_id>/",
        institutions.change_node,
        name="change-node",
    ),
    path(
        "institutions/<int:pk>/machines/<int:node_id>/test",
        institutions.test_node,
        name="test-node",
    ),
    # Lanes: queues, failures
    path("queues/", queues.queues, name="queues"),
    path("queues/now", queues.queues_now, name="queues-now"),
    path("queues/<int:pk>/act", queues.act, name="transfer-act"),
    path("queues/<int:pk>/priority/", queues.priority, name="transfer-priority"),
    path("queues/lanes/<int:pk>/", queues.pause_lane, name="pause-lane"),
    path("queues/machines/<int:pk>/", queues.pause_node, name="pause-node"),
    path("failures/", failures.failures, name="failures"),
    # Arrivals, matching, viewer
    path("arrivals/", arrivals.arrived, name="arrivals"),
    path("arrivals/<uuid:study_id>/", arrivals.arrival, name="arrival"),
    path("arrivals/<uuid:study_id>/act", arrivals.act, name="arrival-act"),
    path("arrivals/files/<uuid:file_id>", arrivals.act_on_file, name="file-act"),
    path("match/<uuid:study_id>/", match.match, name="match"),
    path("images/<uuid:study_id>/", images.images, name="images"),
    path("images/<uuid:study_id>/<uuid:file_id>/<int:frame>/", images.picture, name="picture"),
    # Discs
    path("discs/", discs.listed, name="discs"),
    path("discs/chart/<int:site_id>/", discs.chart, name="disc-chart"),
    path("discs/<uuid:disc_id>/", discs.disc, name="disc"),
    path("discs/<uuid:disc_id>/progress", discs.progress, name="disc-progress"),
    path("discs/<uuid:disc_id>/act", discs.act, name="disc-act"),
    path("discs/<uuid:disc_id>/upload", discs.upload, name="disc-upload"),
    path("discs/<uuid:disc_id>/label/", discs.label, name="disc-label"),
    # Trauma
    path("trauma/", trauma.trauma, name="trauma"),
    path("trauma/<uuid:patient_id>/", trauma.trauma_patient, name="trauma-patient"),
    path("trauma/label/<uuid:ticket_id>/", trauma.trauma_label, name="trauma-label"),
    path("on-call/", trauma.on_call, name="on-call"),
    path("on-call/list", trauma.keep_on_call, name="keep-on-call"),
    path("on-call/<uuid:thing_id>", trauma.acknowledge, name="acknowledge"),
    # Figures
    path("figures/", figures.figures, name="figures"),
    path("figures/download", figures.download, name="figures-download"),
    # Gateway (machines)
    *gateway_patterns,
]
