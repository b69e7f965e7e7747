"""A team with an endpoint, a receiver that listens, and the clock in the test's hand."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id, new_secret
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.outbox import OUTBOX, Event, events_after, publish
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Outgoing, Settings
from callfloor.server.api_v2 import create_app
from callfloor.server.webhooks import tell_endpoints
from callfloor.teams.teams import Team
from callfloor.webhooks.catalog import TYPES_BY_KIND
from callfloor.webhooks.jobs import DELIVER
from tests.factories.teams import make_team
from tests.portal_api.in_process import LoopTransport
from tests.webhooks.receiver import Receiver

SECRET_KEY = "a key of the tests, thirty-two characters and more"


@pytest.fixture(scope="session")
def db(db: Database) -> Database:
    """The shared database, whose events can be numbered."""
    db.write_now(functools.partial(prepare, what=OUTBOX))
    return db


@pytest.fixture(scope="session")
def services(db: Database, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """What the application stands on; loopback may be told, as a setting allows."""
    loopback = ipaddress.IPv4Network("127.0.0.0/8")
    settings = Settings(
        data=tmp_path_factory.mktemp("data"),
        secret_key=SecretStr(SECRET_KEY),
        public_url="https://floor.example",
        outgoing=Outgoing(allowed_networks=(loopback,), plain_http=True),
    )
    return Services(settings, db, open_files(settings))


@pytest.fixture(scope="session")
def transport(services: Services, runner: asyncio.Runner) -> LoopTransport:
    """The application, called without a network."""
    return LoopTransport(create_app(services), runner)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything until told otherwise."""
    one = Receiver()
    yield one
    one.close()


@dataclasses.dataclass
class Floor:
    """A team, a key that may do everything with its webhooks, and a clock that the test moves."""

    services: Services
    team: Team
    http: httpx.Client
    now: int = dataclasses.field(default_factory=clock.now)

    def listen(self, url: str, *events: str) -> dict[str, Any]:
        """Make an endpoint; returns what its maker is shown once."""
        answer = self.http.post("/webhooks", json={"url": url, "events": list(events or ("call_analyzed",))})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        self.now = max(self.now, clock.now())
        return made

    def publish(self, kind: str, subject: str, **payload: Any) -> None:
        """Let something happen in the team."""
        event = Event(kind=kind, team_id=self.team.id, subject=subject, payload=payload, at=self.now)
        self.services.db.write_now(functools.partial(publish, event=event))

    def tell(self) -> None:
        """Have endpoints told of what happened in this team, as the follower does, once."""
        db = self.services.db
        number_waiting(db, OUTBOX)
        while page := db.read_now(functools.partial(events_after, seq=self._told)):
            self._told = page[-1].seq
            for one in page:
                if one.event.team_id == self.team.id and one.event.kind in TYPES_BY_KIND:
                    db.write_now(functools.partial(tell_endpoints, numbered=one, settings=self.services.settings))

    _told: int = 0

    def work(self, *, minutes: float = 0) -> int:
        """Run what is due, after this many minutes; returns how many jobs were run."""
        self.now += round(minutes * 60_000)
        return len(drain(self.services, [DELIVER], now=self.now, team_id=self.team.id))

    def deliveries(self, webhook: int, **query: str) -> list[dict[str, Any]]:
        """Return the endpoint's deliveries, newest first."""
        found: list[dict[str, Any]] = self.http.get(f"/webhooks/{webhook}/deliveries", params=query).json()["data"]
        return found

    def details(self, delivery: str) -> dict[str, Any]:
        """Return a delivery with its attempts."""
        found: dict[str, Any] = self.http.get(f"/webhook-deliveries/{delivery}").json()
        return found

    def webhook(self, webhook: int) -> dict[str, Any]:
        """Return an endpoint."""
        found: dict[str, Any] = self.http.get(f"/webhooks/{webhook}").json()
        return found


@pytest.fixture
def make_floor(services: Services, transport: LoopTransport) -> Callable[[], Floor]:
    """Make a team with a key of its own."""
    return functools.partial(_new_floor, services, transport)


@pytest.fixture
def floor(make_floor: Callable[[], Floor]) -> Floor:
    """A team of its own."""
    return make_floor()


def _new_floor(services: Services, transport: LoopTransport) -> Floor:
    team = make_team(services.db)
    secret = new_secret()
    hashed = keyed_hash(secret, key=services.settings.hash_key)
    scopes = ("webhooks:read", "webhooks:write")
    command = CreateKey(team.id, KeyKind.API, new_id(), hashed, OPERATOR, clock.now(), scopes=scopes)
    services.db.write_now(functools.partial(create_key, command=command))
    headers = {"Authorization": f"Bearer {secret}"}
    http = httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2", headers=headers)
    return Floor(services, team, http)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder."""
    return tmp_path / "data"


@pytest.fixture
def webhook(floor: Floor, receiver: Receiver) -> int:
    """An endpoint that is told of seats."""
    made: int = floor.listen(receiver.url, "seat_added")["webhook"]["id"]
    return made


def tell(floor: Floor, *subjects: str) -> None:
    """Have endpoints told of seats that were added."""
    for subject in subjects:
        floor.publish("seat.added", subject)
    floor.tell()
