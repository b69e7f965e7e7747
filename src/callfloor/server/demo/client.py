"""The demo's own client of the Conversations API: sends the samples over HTTPS as any telephone system would."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from callfloor.server.demo.samples import Sample
    from callfloor.server.demo.team import DemoTeam, FloorTeam

_TIMEOUT_SECONDS = 30
_SETTLED = frozenset({"analyzed", "failed"})


class DemoRequestFailed(Exception):
    """The server answered a request of the demo with an error."""


class DemoClient:
    """Speaks to the demo's server as the sample team."""

    def __init__(self, url: str, authority: Path, team: DemoTeam) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "localhost", parts.port
        self._context = ssl.create_default_context(cafile=authority)
        self._conversations = {"api-key": team.api_key, "client-id": team.client_id}
        self._portal = _basic(team.portal_key, team.portal_secret)

    def upload(self, sample: Sample) -> str:
        """Upload the sample and return the call's id; one that was uploaded before is the same call."""
        fields = {
            "externalCallId": sample.external_id,
            "name": sample.title,
            "direction": sample.direction,
            "caller": sample.caller,
            "callee": sample.callee,
            "language": sample.language,
            "userEmail": sample.agent.email,
            "participants": json.dumps(
                [
                    {"name": sample.agent.name, "email": sample.agent.email, "isInternal": True},
                    {"name": sample.customer.name, "email": sample.customer.email},
                ]
            ),
        }
        body, kind = _multipart(fields, sample.path)
        headers = {**self._conversations, "content-type": kind}
        call_id: str = self._ask("POST", "/calls", headers, body)["id"]
        return call_id

    def is_settled(self, call_id: str) -> bool:
        """Return whether the call's analysis has ended."""
        status = self._ask("GET", f"/calls/{call_id}", self._conversations)["processingStatus"]
        return status in _SETTLED

    def free_seat_id(self) -> int:
        """Return the id of a free seat; one is added when the team has none left."""
        path = "/api/v1/seats?status=unassigned&perPage=1"
        rows = self._ask("GET", path, self._portal)["data"]["rows"]
        if not rows:
            headers = {**self._portal, "content-type": "application/json"}
            self._ask("POST", "/api/v1/seats", headers, b'{"count": 1}')
            rows = self._ask("GET", path, self._portal)["data"]["rows"]
        seat_id: int = rows[0]["id"]
        return seat_id

    def is_floor_at_work(self, floor: FloorTeam) -> bool:
        """Return whether some device of the simulated fleet is shown at work."""
        rows = self._ask("GET", "/api/v1/analytics/monitoring", _basic(floor.portal_key, floor.portal_secret))["data"]
        return any(row["state"] != "offline" and row["metadata"]["mic"]["device"] for row in rows["rows"])

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Any:
        connection = http.client.HTTPSConnection(
            self._host, self._port, context=self._context, timeout=_TIMEOUT_SECONDS
        )
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status >= http.client.MULTIPLE_CHOICES:
            raise DemoRequestFailed(f"{method} {path}: {response.status} {content.decode(errors='replace')}")
        return json.loads(content)


def _basic(name: str, secret: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"}


def _multipart(fields: dict[str, str], recording: Path) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'Content-Disposition: form-data; name="file"; filename="{recording.name}"'
    parts.append(f"--{boundary}\r\n{head}\r\nContent-Type: audio/ogg\r\n\r\n".encode())
    parts += [recording.read_bytes(), f"\r\n--{boundary}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"
