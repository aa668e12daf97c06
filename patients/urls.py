"""The room's addresses. None of them holds what was searched for."""

from django.urls import path

from . import views

app_name = "patients"
urlpatterns = [path("patients", views.find, name="find")]
