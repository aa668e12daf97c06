"""The room's addresses."""

app_name = "accounts"
urlpatterns: list = []
