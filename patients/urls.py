"""The room's addresses."""

app_name = "patients"
urlpatterns: list = []
