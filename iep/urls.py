"""Every address of the image exchange."""

from django.urls import URLPattern

app_name = "iep"
urlpatterns: list[URLPattern] = [
    # Tickets: asking, one ticket
    # Transactions: home, one transaction
    # Institutions
    # Lanes: queues, failures
    # Arrivals, matching, viewer
    # Discs
    # Trauma
    # Figures
    # Gateway (machines)
]
