"""Reads that pages of people and of invitations need, one statement for each set of filters."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, Text, select

from callfloor.access.tables import account, membership
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, param, pattern_of
from callfloor.teams.invitation_queries import INVITATION_COLUMNS, InvitationRow
from callfloor.teams.tables import invitation, seat

_m, _a, _i = membership.c, account.c, invitation.c


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Which rows: those after an id, at most `take`."""

    team_id: int
    after: int
    take: int
    q: str | None = None
    """Part of the e-mail address, in any case."""

    def params(self, **more: Any) -> dict[str, Any]:
        """Return the parameters of the statements."""
        params: dict[str, Any] = {"team_id": self.team_id, "after": self.after, "take": self.take}
        if self.q is not None:
            params["q"] = pattern_of(self.q)
        return {**params, **{name: value for name, value in more.items() if value is not None}}


@dataclasses.dataclass(frozen=True, slots=True)
class PersonRow:
    """A member of a team in a list."""

    id: int
    email: str
    first_name: str
    last_name: str
    role: str
    joined_at: Millis
    seat_id: int | None
    last_active_at: Millis | None
    last_signed_in_at: Millis | None


@functools.cache
def people_statement(*, by_q: bool, by_role: bool, seated: bool, unseated: bool, unseen: bool) -> Select[Any]:
    """Return a page of members by id; parameters team_id, after, take and, as asked, q, role."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            *(_a.id, _a.email, _a.first_name, _a.last_name, _m.role, _m.created_at),
            *(seat.c.id, seat.c.last_active_at, _a.last_signed_in_at),
        )
        .join_from(membership, account, _a.id == _m.account_id)
        .join(seat, (seat.c.team_id == _m.team_id) & (seat.c.account_id == _m.account_id), isouter=not seated)
        .where(_m.team_id == param("team_id"), _m.account_id > param("after", BigInteger))
        .order_by(_m.account_id)
        .limit(param("take", Integer))
    )
    if by_q:
        statement = statement.where(_a.email_key.like(param("q", Text), escape="\\"))
    if by_role:
        statement = statement.where(_m.role == param("role"))
    if unseated:
        statement = statement.where(seat.c.id.is_(None))
    if unseen:
        statement = statement.where(_a.last_signed_in_at.is_(None))
    return statement


@functools.cache
def invitations_statement(*, by_q: bool, by_state: bool) -> Select[Any]:
    """Return a page of invitations by id; parameters team_id, after, take and, as asked, q, state."""
    statement: Select[*tuple[Any, ...]] = (
        select(*INVITATION_COLUMNS)
        .where(_i.team_id == param("team_id"), _i.id > param("after", BigInteger))
        .order_by(_i.id)
        .limit(param("take", Integer))
    )
    if by_q:
        statement = statement.where(_i.email_key.like(param("q", Text), escape="\\"))
    if by_state:
        statement = statement.where(_i.state == param("state"))
    return statement


async def people_page(
    db: Database, page: Page, *, role: str | None, is_seated: bool | None, is_unseen: bool = False
) -> list[PersonRow]:
    """Return members by id; what an index does not answer alone is searched off the loop."""
    statement = people_statement(
        by_q=page.q is not None,
        by_role=role is not None,
        seated=is_seated is True,
        unseated=is_seated is False,
        unseen=is_unseen,
    )
    params = page.params(role=role)
    if page.q is None and is_seated is None and not is_unseen:
        return [PersonRow(*row) for row in await db.read(statement, params)]
    return [PersonRow(*row) for row in await db.report(lambda tx: tx.all(statement, params))]


async def invitations_page(db: Database, page: Page, *, state: str | None) -> list[InvitationRow]:
    """Return invitations by id; a search by address runs off the loop."""
    statement = invitations_statement(by_q=page.q is not None, by_state=state is not None)
    params = page.params(state=state)
    if page.q is None:
        return [InvitationRow(*row) for row in await db.read(statement, params)]
    return [InvitationRow(*row) for row in await db.report(lambda tx: tx.all(statement, params))]
