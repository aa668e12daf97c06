"""The room's addresses."""

app_name = "results"
urlpatterns: list = []
