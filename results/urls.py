"""The room's addresses."""

from django.urls import path

from .views import news, reading, reconciling

app_name = "results"
urlpatterns = [
    path("results/", reading.inbox, name="inbox"),
    path("results/changes", reading.changes, name="changes"),
    path("results/normal/", reading.normal, name="normal"),
    path("results/<uuid:report_id>/", reading.detail, name="detail"),
    path("results/<uuid:report_id>/review", reading.review, name="review"),
    path("results/<uuid:report_id>/seen", reading.seen, name="seen"),
    path("results/<uuid:report_id>/print/", reading.printed, name="print"),
    path("results/<uuid:report_id>/download", reading.download, name="download"),
    path("results/<uuid:report_id>/document/<int:document_id>", reading.document, name="document"),
    path("results/<uuid:report_id>/original/<int:number>/", reading.original, name="original"),
    path("held-news/", news.holds, name="holds"),
    path("held-news/<int:pk>/release", news.release, name="release-news"),
    path("reconciliation/", reconciling.reconciliation, name="reconciliation"),
    path("reconciliation/list/<int:partner_id>", reconciling.compare, name="compare-list"),
    path("reconciliation/<int:pk>/", reconciling.difference, name="difference"),
    path("unmatched/", reconciling.unmatched_list, name="unmatched"),
    path("unmatched/<int:pk>/", reconciling.unmatched_one, name="unmatched-one"),
    path("unmatched/<int:pk>/<uuid:item_id>/", reconciling.attach, name="attach"),
    path("unmatched/<int:pk>/decide", reconciling.decide, name="decide-attachment"),
    path("p/<uuid:patient_id>/over-time/<path:code>", reading.over_time, name="over-time"),
]
