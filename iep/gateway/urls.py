"""The addresses of the gateway: ids that both sides share, and nothing of a patient."""

from django.urls import URLPattern, path

from . import api

_ONE = "gateway/v1/transactions/<uuid:shared_id>"
urlpatterns: list[URLPattern] = [
    path("gateway/v1/", api.Hello.as_view(), name="gateway-hello"),
    path(_ONE, api.OneTransaction.as_view(), name="gateway-transaction"),
    path(f"{_ONE}/events/<uuid:said_id>", api.OneEvent.as_view(), name="gateway-event"),
    path(f"{_ONE}/messages/<uuid:said_id>", api.OneMessage.as_view(), name="gateway-message"),
    path(f"{_ONE}/documents/<uuid:said_id>", api.OneDocument.as_view(), name="gateway-document"),
    path(f"{_ONE}/manifest", api.Manifest.as_view(), name="gateway-manifest"),
    path(f"{_ONE}/received", api.Received.as_view(), name="gateway-received"),
    path(f"{_ONE}/studies", api.Studies.as_view(), name="gateway-studies"),
    path(f"{_ONE}/instances/<uuid:key>", api.Instance.as_view(), name="gateway-instance"),
]
