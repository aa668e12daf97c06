"""The room's addresses."""

app_name = "messaging"
urlpatterns: list = []
