"""The room's addresses."""

app_name = "requesting"
urlpatterns: list = []
