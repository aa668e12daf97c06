"""The room's addresses."""

from django.urls import path

from . import views

app_name = "messaging"
urlpatterns = [
    path("", views.queue, name="queue"),
    path("in/<int:pk>/", views.inbound, name="in"),
    path("in/<int:pk>/retry", views.retry_inbound, name="retry-in"),
    path("in/<int:pk>/handle", views.handle_inbound, name="handle-in"),
    path("out/<int:pk>/", views.outbound, name="out"),
    path("out/<int:pk>/retry", views.retry_outbound, name="retry-out"),
    path("out/<int:pk>/handle", views.handle_outbound, name="handle-out"),
    path("partners/<int:pk>/", views.partner, name="partner"),
    path("partners/<int:pk>/pause", views.pause, name="pause"),
    path("partners/<int:pk>/resume", views.resume, name="resume"),
]
