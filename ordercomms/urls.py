"""Each room under its own word."""

from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("patients.urls")),
    path("", include("catalogue.urls")),
    path("", include("requesting.urls")),
    path("", include("results.urls")),
    path("messages/", include("messaging.urls")),
]
