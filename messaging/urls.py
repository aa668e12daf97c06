"""The room's addresses."""

from django.urls import path

from .views import corrections, message, partners, queue, replays, streams

app_name = "messaging"
urlpatterns = [
    path("", queue.queue, name="queue"),
    path("in/<int:pk>/", message.inbound, name="in"),
    path("in/<int:pk>/retry", message.retry_inbound, name="retry-in"),
    path("in/<int:pk>/handle", message.handle_inbound, name="handle-in"),
    path("out/<int:pk>/", message.outbound, name="out"),
    path("out/<int:pk>/retry", message.retry_outbound, name="retry-out"),
    path("out/<int:pk>/handle", message.handle_outbound, name="handle-out"),
    path("in/<int:pk>/correct", corrections.correct_inbound, name="correct-in"),
    path("in/<int:pk>/bytes", message.bytes_inbound, name="bytes-in"),
    path("in/<int:pk>/raw", message.raw_inbound, name="raw-in"),
    path("out/<int:pk>/correct", corrections.correct_outbound, name="correct-out"),
    path("out/<int:pk>/bytes", message.bytes_outbound, name="bytes-out"),
    path("out/<int:pk>/raw", message.raw_outbound, name="raw-out"),
    path("streams/", streams.streams, name="streams"),
    path("streams/now", streams.streams_now, name="streams-now"),
    path("causes/", streams.causes, name="causes"),
    path("causes/in/<slug:code>/", streams.cause_in, name="cause-in"),
    path("causes/out/<slug:code>/", streams.cause_out, name="cause-out"),
    path("causes/in/<slug:code>/replay", replays.new_in, name="replay-in"),
    path("causes/out/<slug:code>/replay", replays.new_out, name="replay-out"),
    path("replays/", replays.replays, name="replays"),
    path("replays/<int:pk>/", replays.replay, name="replay"),
    path("replays/<int:pk>/now", replays.replay_now, name="replay-now"),
    path("replays/<int:pk>/stop", replays.stop, name="stop-replay"),
    path("corrections/", corrections.corrections, name="corrections"),
    path("corrections/<int:pk>/", corrections.correction, name="correction"),
    path("corrections/<int:pk>/approve", corrections.approve, name="approve"),
    path("corrections/<int:pk>/decline", corrections.decline, name="decline"),
    path("partners/<int:pk>/", partners.partner, name="partner"),
    path("partners/<int:pk>/pause", partners.pause, name="pause"),
    path("partners/<int:pk>/resume", partners.resume, name="resume"),
]
