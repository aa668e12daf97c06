"""The room's addresses."""

app_name = "catalogue"
urlpatterns: list = []
