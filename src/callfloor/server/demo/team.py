"""The sample team of the demo: made on the first start, found again on the next ones."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec

from callfloor.access.accounts import NewMember
from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind, Role
from callfloor.foundation import clock
from callfloor.foundation.ids import new_secret
from callfloor.foundation.small_files import make_private
from callfloor.teams.people import add_person
from callfloor.teams.seats import AddSeats, add_seats
from callfloor.teams.tables import Payment, TeamType
from callfloor.teams.teams import CreateTeam, add_domain, create_team

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callfloor.foundation.clock import Millis
    from callfloor.foundation.database import Tx
    from callfloor.foundation.services import Services
    from callfloor.foundation.settings import Settings
    from callfloor.server.demo.samples import Sample

SEATS = 25
NAME = "Callfloor demo"
FLOOR_NAME = "Callfloor demo floor"


class DemoTeam(msgspec.Struct, frozen=True):
    """What the page shows of the team; kept in `demo.json` beside the database, readable by its owner only."""

    team_id: int
    client_id: str
    portal_key: str
    portal_secret: str
    api_key: str


class FloorTeam(msgspec.Struct, frozen=True):
    """The team of the simulated fleet; kept in `demo-floor.json` beside the database, readable by its owner only."""

    team_id: int
    portal_key: str
    portal_secret: str
    team_secret: str


def demo_team(services: Services, samples: Sequence[Sample]) -> DemoTeam:
    """Return the sample team, made now when the data folder has none."""
    path = services.settings.data / "demo.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=DemoTeam)
    team = services.db.write_now(functools.partial(_make, samples=samples, settings=services.settings, now=clock.now()))
    make_private(path, msgspec.json.format(msgspec.json.encode(team)))
    return team


def floor_team(services: Services, seats: int) -> FloorTeam:
    """Return the team of the simulated fleet, made now with so many seats when the data folder has none."""
    path = services.settings.data / "demo-floor.json"
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=FloorTeam)
    make = functools.partial(_make_floor, seats=seats, settings=services.settings, now=clock.now())
    team = services.db.write_now(make)
    make_private(path, msgspec.json.format(msgspec.json.encode(team)))
    return team


def _make_floor(tx: Tx, seats: int, settings: Settings, now: Millis) -> FloorTeam:
    billing, secret, portal_secret = settings.billing, new_secret(), new_secret()
    hashed = keyed_hash(secret, key=settings.hash_key)
    team = create_team(
        tx,
        CreateTeam(
            *(FLOOR_NAME, TeamType.DEVICE, Payment.CARD, billing.seat_price, billing.currency, hashed, OPERATOR, now)
        ),
    )
    add_seats(tx, AddSeats(team.id, seats, OPERATOR, now))
    key = keyed_hash(portal_secret, key=settings.hash_key)
    create_key(tx, CreateKey(team.id, KeyKind.PORTAL, "demo-floor", key, OPERATOR, now))
    return FloorTeam(team.id, "demo-floor", portal_secret, secret)


def _make(tx: Tx, samples: Sequence[Sample], settings: Settings, now: Millis) -> DemoTeam:
    billing = settings.billing
    team = create_team(
        tx,
        CreateTeam(NAME, TeamType.EMAIL, Payment.CARD, billing.seat_price, billing.currency, None, OPERATOR, now),
    )
    add_seats(tx, AddSeats(team.id, SEATS, OPERATOR, now))
    for domain in sorted({sample.agent_domain for sample in samples}):
        add_domain(tx, team.id, domain, actor=OPERATOR, now=now)
    for sample in samples:
        first, _, last = sample.agent_name.partition(" ")
        add_person(tx, NewMember(team.id, sample.agent_email, Role.USER, now, first, last), OPERATOR)
    hash_key = settings.hash_key
    portal_secret, api_key = new_secret(), new_secret()
    for kind, name, secret in (
        (KeyKind.PORTAL, "demo", portal_secret),
        (KeyKind.CONVERSATIONS, "demo", api_key),
    ):
        create_key(tx, CreateKey(team.id, kind, name, keyed_hash(secret, key=hash_key), OPERATOR, now))
    return DemoTeam(team.id, team.client_id, "demo", portal_secret, api_key)
