"""The request form as a browser has it."""


def words(response) -> str:
    return " ".join(response.content.decode().split())


def address(patient) -> str:
    return f"/p/{patient.pk}/request/"


class Form:
    """The form as a browser has it: the seal, the key and the version of the page."""

    def __init__(self, client, patient) -> None:
        self.client, self.address = client, address(patient)
        page = client.get(self.address).content.decode()
        self.fields = {
            name: page.split(f'name="{name}" value="')[1].split('"')[0]
            for name in ("key", "patient", "version")
        }

    def press(self, do: str, *, fragment: bool = False, **fields):
        headers = {"X-Fragment": "1"} if fragment else {}
        data = self.fields | {"do": do} | fields
        return self.client.post(self.address, data, headers=headers)


def chest(**more):
    code = "cough-for-more-than-3-weeks"
    return {"item": "chest-xray", "chest-xray.reason": code, "js": "1"} | more
