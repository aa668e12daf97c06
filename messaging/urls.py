"""The room's addresses."""

from django.urls import path

from .views import message, partners, queue

app_name = "messaging"
urlpatterns = [
    path("", queue.queue, name="queue"),
    path("in/<int:pk>/", message.inbound, name="in"),
    path("in/<int:pk>/retry", message.retry_inbound, name="retry-in"),
    path("in/<int:pk>/handle", message.handle_inbound, name="handle-in"),
    path("out/<int:pk>/", message.outbound, name="out"),
    path("out/<int:pk>/retry", message.retry_outbound, name="retry-out"),
    path("out/<int:pk>/handle", message.handle_outbound, name="handle-out"),
    path("partners/<int:pk>/", partners.partner, name="partner"),
    path("partners/<int:pk>/pause", partners.pause, name="pause"),
    path("partners/<int:pk>/resume", partners.resume, name="resume"),
]
