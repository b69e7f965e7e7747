"""Members of a team: looked up, given another role, taken out; the last administrator stays."""

from __future__ import annotations

import dataclasses

from sqlalchemy import delete, select, update

from callfloor.access.tables import Role, account, membership
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError

_m, _a = membership.c, account.c
_of_team = (_m.team_id == param("team_id"), _m.account_id == param("account_id"))

_member = (
    select(_a.id, _a.email, _a.first_name, _a.last_name, _m.role, _m.created_at, _a.last_signed_in_at)
    .join_from(membership, account, _a.id == _m.account_id)
    .where(*_of_team)
)
_other_administrator = (
    select(_m.account_id)
    .where(_m.team_id == param("team_id"), _m.role == Role.ADMIN.value, _m.account_id != param("account_id"))
    .limit(1)
)
_set_role = update(membership).where(*_of_team).values(role=param("role"))
_end = delete(membership).where(*_of_team)
_by_email = select(_a.id, _a.password_hash).where(_a.email_key == param("email_key"))
_complete = (
    update(account)
    .where(_a.id == param("account_id"), _a.password_hash.is_(None))
    .values(first_name=param("first_name"), last_name=param("last_name"), password_hash=param("password_hash"))
)


class PersonNotFound(DomainError):
    """The team has no such member."""

    code = "person_not_found"
    status = 404


class LastAdministrator(DomainError):
    """A team keeps at least one administrator."""

    code = "last_administrator"


class AdministratorNeeded(DomainError):
    """Only an administrator makes, changes or removes an administrator."""

    code = "administrator_needed"
    status = 403


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """A person in a team."""

    account_id: int
    email: str
    first_name: str
    last_name: str
    role: Role
    joined_at: int
    last_signed_in_at: int | None = None
    """To any of their teams."""


def member_by_id(tx: Tx, team_id: int, account_id: int) -> Member:
    """Return the member.

    Raises:
        PersonNotFound: the team has none with this account.
    """
    row = tx.one(_member, {"team_id": team_id, "account_id": account_id})
    if row is None:
        raise PersonNotFound(f"there is no person {account_id} in this team")
    return Member(row[0], row[1], row[2], row[3], Role(row[4]), row[5], row[6])


def check_is_administrator(tx: Tx, team_id: int, account_id: int | None) -> None:
    """Check that the person who acts is an administrator; None stands for the operator or a key of theirs.

    Raises:
        AdministratorNeeded: they are not.
    """
    if account_id is None:
        return
    row = tx.one(_member, {"team_id": team_id, "account_id": account_id})
    if row is None or row[4] != Role.ADMIN.value:
        raise AdministratorNeeded("only an administrator makes, changes or removes an administrator")


def change_member_role(tx: Tx, member: Member, team_id: int, role: Role) -> None:
    """Give the member another role; the team's row is locked by the caller.

    Raises:
        LastAdministrator: they are the only administrator, and would not be one any more.
    """
    if role is not Role.ADMIN:
        _check_another_administrator(tx, member, team_id)
    tx.run(_set_role, {"team_id": team_id, "account_id": member.account_id, "role": role.value})


def end_membership(tx: Tx, member: Member, team_id: int) -> None:
    """Take the member out of the team, with every session in it; the team's row is locked by the caller.

    Raises:
        LastAdministrator: they are the only administrator.
    """
    _check_another_administrator(tx, member, team_id)
    tx.run(_end, {"team_id": team_id, "account_id": member.account_id})


def known_account(tx: Tx, email_key: str) -> tuple[int, str | None] | None:
    """Return id and password hash of the account with this address, or None."""
    row = tx.one(_by_email, {"email_key": email_key})
    return None if row is None else (row[0], row[1])


def complete_account(tx: Tx, account_id: int, *, first_name: str, last_name: str, password_hash: str) -> None:
    """Give name and password to an account that has no password yet."""
    tx.run(
        _complete,
        {
            "account_id": account_id,
            "first_name": first_name,
            "last_name": last_name,
            "password_hash": password_hash,
        },
    )


def _check_another_administrator(tx: Tx, member: Member, team_id: int) -> None:
    if member.role is not Role.ADMIN:
        return
    if tx.one(_other_administrator, {"team_id": team_id, "account_id": member.account_id}) is None:
        raise LastAdministrator("the team's last administrator stays: make another person administrator first")
