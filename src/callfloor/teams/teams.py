"""Teams: made, changed, read for a change."""

from __future__ import annotations

import dataclasses
import re
import uuid

from sqlalchemy import insert, select, update

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.fields import checked_name
from callfloor.foundation.numbers import take_numbers
from callfloor.teams.tables import Payment, TeamType, team, team_domain

NAME_MAX_LENGTH = 200
DOMAIN_PATTERN = r"^\s*@?[A-Za-z0-9][A-Za-z0-9-]{0,62}(\.[A-Za-z0-9-]{1,63})+\s*$"
_DOMAIN = re.compile(DOMAIN_PATTERN)

_new_team = insert(team)
_by_id = select(
    team.c.id,
    team.c.name,
    team.c.type,
    team.c.payment,
    team.c.activity_billing,
    team.c.inviting_enabled,
    team.c.client_id,
    team.c.seat_price,
    team.c.currency,
).where(team.c.id == param("team_id"))
_by_id_locked = _by_id.with_for_update()
_set_billing = (
    update(team)
    .where(team.c.id == param("team_id"))
    .values(payment=param("payment"), activity_billing=param("activity_billing"))
)
_set_inviting = update(team).where(team.c.id == param("team_id")).values(inviting_enabled=param("inviting_enabled"))
_set_device_secret = (
    update(team).where(team.c.id == param("team_id")).values(device_secret_hash=param("device_secret_hash"))
)
_add_domain = (
    upsert(team_domain)
    .values(team_id=param("team_id"), domain=param("domain"), created_at=param("created_at"))
    .on_conflict_do_nothing()
    .returning(team_domain.c.domain)
)
_domains = select(team_domain.c.domain).where(team_domain.c.team_id == param("team_id"))


class TeamNotFound(DomainError):
    """There is no such team."""

    code = "team_not_found"
    status = 404


class NotADeviceTeam(DomainError):
    """Only device teams have a device secret."""

    code = "not_a_device_team"


@dataclasses.dataclass(frozen=True, slots=True)
class Team:
    """A team as its rules see it."""

    id: int
    name: str
    type: TeamType
    payment: Payment
    activity_billing: bool
    inviting_enabled: bool
    client_id: str
    seat_price: int
    currency: str


@dataclasses.dataclass(frozen=True, slots=True)
class CreateTeam:
    """A team to be made; `seat_price` in minor units of `currency` for a month."""

    name: str
    type: TeamType
    payment: Payment
    seat_price: int
    currency: str
    device_secret_hash: bytes | None
    actor: audit.Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class SetBilling:
    """How a team pays from now on; None leaves as it is."""

    team_id: int
    payment: Payment | None
    activity_billing: bool | None
    actor: audit.Actor
    now: Millis


def create_team(tx: Tx, command: CreateTeam) -> Team:
    """Make the team, without seats.

    Raises:
        InvalidInput: the name is empty or too long.
    """
    name = checked_name("name", command.name, limit=NAME_MAX_LENGTH)
    team_id = take_numbers(tx, "team")
    client_id = str(uuid.uuid4())
    tx.run(
        _new_team,
        {
            "id": team_id,
            "name": name,
            "type": command.type.value,
            "payment": command.payment.value,
            "activity_billing": False,
            "inviting_enabled": True,
            "client_id": client_id,
            "device_secret_hash": command.device_secret_hash,
            "seat_price": command.seat_price,
            "currency": command.currency,
            "created_at": command.now,
        },
    )
    after = {"name": name, "type": command.type.value, "payment": command.payment.value}
    change = audit.Change(team_id, "team.created", "team", str(team_id), after=after)
    record_change(tx, command.actor, change, now=command.now)
    return team_by_id(tx, team_id)


def team_by_id(tx: Tx, team_id: int) -> Team:
    """Return the team.

    Raises:
        TeamNotFound: there is none with this id.
    """
    return _as_team(tx.one(_by_id, {"team_id": team_id}), team_id)


def team_for_change(tx: Tx, team_id: int) -> Team:
    """Return the team with its row locked: changes of one team's seats come one after the other.

    Raises:
        TeamNotFound: there is none with this id.
    """
    return _as_team(tx.one(_by_id_locked, {"team_id": team_id}), team_id)


def set_billing(tx: Tx, command: SetBilling) -> Team:
    """Change how the team pays.

    Raises:
        TeamNotFound: there is none with this id.
    """
    now_is = team_for_change(tx, command.team_id)
    payment = command.payment or now_is.payment
    activity = now_is.activity_billing if command.activity_billing is None else command.activity_billing
    tx.run(_set_billing, {"team_id": command.team_id, "payment": payment.value, "activity_billing": activity})
    change = audit.Change(
        command.team_id,
        "team.billing_changed",
        "team",
        str(command.team_id),
        before={"payment": now_is.payment.value, "activity_billing": now_is.activity_billing},
        after={"payment": payment.value, "activity_billing": activity},
    )
    record_change(tx, command.actor, change, now=command.now)
    return team_by_id(tx, command.team_id)


def set_inviting(tx: Tx, team_id: int, *, enabled: bool, actor: audit.Actor, now: Millis) -> Team:
    """Let the team invite people, or not; invitations that are out stay valid.

    Raises:
        TeamNotFound: there is none with this id.
    """
    before = {"inviting_enabled": team_for_change(tx, team_id).inviting_enabled}
    tx.run(_set_inviting, {"team_id": team_id, "inviting_enabled": enabled})
    after = {"inviting_enabled": enabled}
    change = audit.Change(team_id, "team.inviting_changed", "team", str(team_id), before=before, after=after)
    record_change(tx, actor, change, now=now)
    return team_by_id(tx, team_id)


def rotate_device_secret(tx: Tx, team_id: int, device_secret_hash: bytes, *, actor: audit.Actor, now: Millis) -> None:
    """Replace the secret by which machines join the team; the old one stops working at once.

    Raises:
        TeamNotFound: there is none with this id.
        NotADeviceTeam: its seats are people.
    """
    if team_for_change(tx, team_id).type is not TeamType.DEVICE:
        raise NotADeviceTeam("only a device team has a secret for machines; people of an email team sign in")
    tx.run(_set_device_secret, {"team_id": team_id, "device_secret_hash": device_secret_hash})
    record_change(tx, actor, audit.Change(team_id, "team.device_secret_rotated", "team", str(team_id)), now=now)


def add_domain(tx: Tx, team_id: int, domain: str, *, actor: audit.Actor, now: Millis) -> str:
    """Make an e-mail domain the team's own, and return it in lower case; adding it again changes nothing.

    Raises:
        TeamNotFound: there is no such team.
        InvalidInput: it is no domain.
    """
    team_by_id(tx, team_id)
    if not _DOMAIN.fullmatch(domain):
        raise invalid("domain", "must be an e-mail domain such as company.example")
    domain = domain.strip().lower().removeprefix("@")
    if tx.one(_add_domain, {"team_id": team_id, "domain": domain, "created_at": now}):
        change = audit.Change(team_id, "team.domain_added", "team", str(team_id), after={"domain": domain})
        record_change(tx, actor, change, now=now)
    return domain


def domains_of_team(tx: Tx, team_id: int) -> frozenset[str]:
    """Return the e-mail domains of the team's own people, in lower case."""
    return frozenset(domain for (domain,) in tx.all(_domains, {"team_id": team_id}))


def _as_team(row: tuple[int, str, str, str, bool, bool, str, int, str] | None, team_id: int) -> Team:
    if row is None:
        raise TeamNotFound(f"there is no team {team_id}")
    number, name, kind, payment, activity, inviting, client_id, seat_price, currency = row
    return Team(number, name, TeamType(kind), Payment(payment), activity, inviting, client_id, seat_price, currency)
