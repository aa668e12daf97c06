"""Each room under its own word."""

from django.urls import include, path

from ordercomms import record, service_pages, standby_pages, views

urlpatterns = [
    path("", views.home, name="home"),
    path("launch", views.launch, name="launch"),
    path("p/<uuid:patient_id>/", record.record, name="record"),
    path("services/", service_pages.all_services, name="services"),
    path("services/<int:partner_id>/", service_pages.link, name="link"),
    path("services/<int:partner_id>/down", service_pages.declare_down, name="declare-down"),
    path("services/<int:partner_id>/over", service_pages.declare_over, name="declare-over"),
    path("services/page", standby_pages.standby_page, name="standby-page"),
    path("services/pack/", standby_pages.pack, name="pack"),
    path("services/pack/file", standby_pages.pack_file, name="pack-file"),
    path("services/pack/passphrase", standby_pages.passphrase, name="pack-passphrase"),
    path("help/keyboard", views.keyboard, name="keyboard"),
    path("help/accessibility", views.accessibility, name="accessibility"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
    path("", include("accounts.urls")),
    path("", include("patients.urls")),
    path("", include("catalogue.urls")),
    path("", include("requesting.urls")),
    path("", include("results.urls")),
    path("messages/", include("messaging.urls")),
    path("iep/", include("iep.urls")),
]

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
