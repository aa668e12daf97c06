"""The room's addresses."""

from django.urls import path

from . import views

app_name = "accounts"
urlpatterns = [
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("signed-out", views.signed_out, name="signed-out"),
    path("place", views.place, name="place"),
    path("settings/", views.settings, name="settings"),
    path("settings/entitlement", views.entitlement, name="entitlement"),
]
