"""What is changed of a team after it was made: its name, its domains, its price."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.fields import checked_name
from callfloor.teams.ledger import enter_price
from callfloor.teams.seats import seats_of_team
from callfloor.teams.tables import team, team_domain
from callfloor.teams.teams import NAME_MAX_LENGTH, Team, team_by_id, team_for_change

PRICE_LIMIT = 1_000_000_000

_rename = update(team).where(team.c.id == param("team_id")).values(name=param("name"))
_set_price = update(team).where(team.c.id == param("team_id")).values(seat_price=param("seat_price"))
_remove_domain = (
    delete(team_domain)
    .where(team_domain.c.team_id == param("team_id"), team_domain.c.domain == param("domain"))
    .returning(team_domain.c.domain)
)
_domains = (
    select(team_domain.c.domain, team_domain.c.created_at)
    .where(team_domain.c.team_id == param("team_id"))
    .order_by(team_domain.c.domain)
)


class DomainNotFound(DomainError):
    """It is none of the team's domains."""

    code = "domain_not_found"
    status = 404


def rename_team(tx: Tx, team_id: int, name: str, *, actor: audit.Actor, now: Millis) -> Team:
    """Give the team another name; the one it has changes nothing.

    Raises:
        TeamNotFound: there is none with this id.
        InvalidInput: the name is empty or too long.
    """
    before, name = team_for_change(tx, team_id), checked_name("name", name, limit=NAME_MAX_LENGTH)
    if name == before.name:
        return before
    tx.run(_rename, {"team_id": team_id, "name": name})
    change = audit.Change(
        team_id, "team.renamed", "team", str(team_id), before={"name": before.name}, after={"name": name}
    )
    record_change(tx, actor, change, now=now)
    return team_by_id(tx, team_id)


def set_seat_price(tx: Tx, team_id: int, seat_price: int, *, actor: audit.Actor, now: Millis) -> Team:
    """Set what a seat costs a month from here on, in minor units; what was charged stays as it was.

    Raises:
        TeamNotFound: there is none with this id.
        InvalidInput: it is negative, or beyond all reason.
    """
    before = team_for_change(tx, team_id)
    if not 0 <= seat_price <= PRICE_LIMIT:
        raise invalid("seat_price", f"must be a whole number of minor units from 0 to {PRICE_LIMIT}")
    seats = seats_of_team(tx, team_id)
    enter_price(tx, before, new_price=seat_price, seats=seats, now=now)
    tx.run(_set_price, {"team_id": team_id, "seat_price": seat_price})
    change = audit.Change(
        team_id,
        "team.price_changed",
        "team",
        str(team_id),
        before={"seat_price": before.seat_price},
        after={"seat_price": seat_price},
    )
    record_change(tx, actor, change, now=now)
    return team_by_id(tx, team_id)


def remove_domain(tx: Tx, team_id: int, domain: str, *, actor: audit.Actor, now: Millis) -> None:
    """Take an e-mail domain from the team.

    Raises:
        DomainNotFound: it is none of the team's.
    """
    if tx.one(_remove_domain, {"team_id": team_id, "domain": domain.lower()}) is None:
        raise DomainNotFound(f"{domain} is none of the team's domains")
    change = audit.Change(team_id, "team.domain_removed", "team", str(team_id), before={"domain": domain.lower()})
    record_change(tx, actor, change, now=now)


def dated_domains_of_team(tx: Tx, team_id: int) -> list[tuple[str, Millis]]:
    """Return the team's e-mail domains with the time each was added, by name."""
    return [(domain, created_at) for domain, created_at in tx.all(_domains, {"team_id": team_id})]
