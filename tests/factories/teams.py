"""Teams, people and keys for tests, made by the product's own verbs."""

from __future__ import annotations

import base64
import dataclasses
import functools

from callfloor.access.accounts import NewMember
from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind, Role
from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.ids import new_id, new_secret
from callfloor.teams.people import PersonAdded, add_person
from callfloor.teams.seats import AddSeats, add_seats
from callfloor.teams.tables import Payment, TeamType
from callfloor.teams.teams import CreateTeam, SetBilling, Team, create_team, set_billing


@dataclasses.dataclass(frozen=True)
class PortalKey:
    """A Portal key, with the header it signs in by."""

    id: int
    name: str
    secret: str

    @property
    def header(self) -> dict[str, str]:
        """Return the Authorization header."""
        pair = base64.b64encode(f"{self.name}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


@dataclasses.dataclass(frozen=True)
class ConversationsKey:
    """A Conversations key, with the headers it signs in by."""

    id: int
    api_key: str
    client_id: str

    @property
    def headers(self) -> dict[str, str]:
        """Return both headers."""
        return {"api-key": self.api_key, "client-id": self.client_id}


def make_team(
    db: Database,
    *,
    type_: TeamType = TeamType.EMAIL,
    payment: Payment = Payment.CARD,
    seats: int = 0,
    activity_billing: bool = False,
    now: int | None = None,
) -> Team:
    """Make a team with free seats."""
    at = now or clock.now()

    def verb(tx: Tx) -> Team:
        command = CreateTeam(
            name=f"Team {new_id()}",
            type=type_,
            payment=payment,
            seat_price=1000,
            currency="USD",
            device_secret_hash=None,
            actor=OPERATOR,
            now=at,
        )
        team = create_team(tx, command)
        if activity_billing:
            team = set_billing(tx, SetBilling(team.id, None, True, OPERATOR, at))
        if seats:
            add_seats(tx, AddSeats(team.id, seats, OPERATOR, at))
        return team

    return db.write_now(verb)


def make_person(db: Database, team: Team, *, email: str | None = None, role: Role = Role.USER) -> PersonAdded:
    """Make a member of the team; in an email team on a free seat."""
    member = NewMember(
        team.id, email or f"{new_id()}@people.example", role, clock.now(), first_name="Ada", last_name="Byron"
    )
    return db.write_now(lambda tx: add_person(tx, member, OPERATOR))


def make_portal_key(db: Database, team: Team, *, hash_key: bytes, name: str = "ops") -> PortalKey:
    """Make a Portal key of the team."""
    secret = new_secret()
    command = CreateKey(team.id, KeyKind.PORTAL, name, keyed_hash(secret, key=hash_key), OPERATOR, clock.now())
    made = db.write_now(functools.partial(create_key, command=command))
    return PortalKey(made.id, made.name, secret)


def make_conversations_key(
    db: Database, team: Team, *, hash_key: bytes, name: str = "crm", made_by: int | None = None, now: int | None = None
) -> ConversationsKey:
    """Make a Conversations key of the team, a year from `now`."""
    secret = new_secret()
    command = CreateKey(
        team.id,
        KeyKind.CONVERSATIONS,
        name,
        keyed_hash(secret, key=hash_key),
        OPERATOR,
        now or clock.now(),
        made_by_account_id=made_by,
    )
    made = db.write_now(functools.partial(create_key, command=command))
    return ConversationsKey(made.id, secret, team.client_id)


def make_api_key(db: Database, team_id: int, *scopes: str, hash_key: bytes) -> dict[str, str]:
    """Make a key of the Callfloor API with these scopes; return the header it signs in by."""
    secret = new_secret()
    hashed = keyed_hash(secret, key=hash_key)
    command = CreateKey(team_id, KeyKind.API, new_id(), hashed, OPERATOR, clock.now(), scopes=scopes)
    db.write_now(functools.partial(create_key, command=command))
    return {"Authorization": f"Bearer {secret}"}
