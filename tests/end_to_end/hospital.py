"""The stand-in hospital, by its door for programs (docs/hl7/hospital.md, part 9)."""

import http.client
import json
from typing import Any

from demo import parts

Json = dict[str, Any]
WHERE_NORTHGATE_ASKS = ("RIS/RZ1", "LIMS/RZ1")


class Hospital:
    """What a person at its page can see and do."""

    def __init__(self, port: str) -> None:
        self.port = int(port)

    def orders(self) -> dict[str, Json]:
        """By placer number."""
        return {order["placer"]: order for order in self._ask("GET", "/api/orders")}

    def act(self, placer: str, action: str, **details: Any) -> list[str]:
        """Press a button of one order: the control ids of what it sends."""
        return self._press(f"/api/orders/{placer}/actions", action=action, **details)

    def set_mode(self, mode: str) -> None:
        """`working`, `slow`, `silent` or `refusing`."""
        self._press("/api/actions", action="mode", mode=mode)

    def wait_for_a_person(self) -> None:
        """From now on the departments that Northgate asks accept nothing by themselves."""
        for key in WHERE_NORTHGATE_ASKS:
            self._press("/api/actions", action="settings", department=key, accept_after=None)

    def _press(self, path: str, **body: Any) -> list[str]:
        return self._ask("POST", path, body)["queued"]

    def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        door = http.client.HTTPConnection(parts.HERE, self.port, timeout=10)
        words = json.dumps(body) if body else None
        door.request(method, path, words, {"Content-Type": "application/json"})
        answer = door.getresponse()
        said = json.loads(answer.read())
        door.close()
        assert answer.status == 200, f"{method} {path}: {answer.status} {said}"
        return said
