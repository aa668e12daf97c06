"""The room's addresses."""

from django.urls import path

from . import news_views, views
from . import reconciling_views as reconciling

app_name = "results"
urlpatterns = [
    path("results/", views.inbox, name="inbox"),
    path("results/changes", views.changes, name="changes"),
    path("results/normal/", views.normal, name="normal"),
    path("results/<uuid:report_id>/", views.detail, name="detail"),
    path("results/<uuid:report_id>/review", views.review, name="review"),
    path("results/<uuid:report_id>/seen", views.seen, name="seen"),
    path("results/<uuid:report_id>/print/", views.printed, name="print"),
    path("results/<uuid:report_id>/download", views.download, name="download"),
    path("results/<uuid:report_id>/document/<int:document_id>", views.document, name="document"),
    path("results/<uuid:report_id>/original/<int:number>/", views.original, name="original"),
    path("held-news/", news_views.holds, name="holds"),
    path("held-news/<int:pk>/release", news_views.release, name="release-news"),
    path("reconciliation/", reconciling.reconciliation, name="reconciliation"),
    path("reconciliation/list/<int:partner_id>", reconciling.compare, name="compare-list"),
    path("reconciliation/<int:pk>/", reconciling.difference, name="difference"),
    path("unmatched/", reconciling.unmatched_list, name="unmatched"),
    path("unmatched/<int:pk>/", reconciling.unmatched_one, name="unmatched-one"),
    path("unmatched/<int:pk>/<uuid:item_id>/", reconciling.attach, name="attach"),
    path("unmatched/<int:pk>/decide", reconciling.decide, name="decide-attachment"),
    path("p/<uuid:patient_id>/over-time/<path:code>", views.over_time, name="over-time"),
]
