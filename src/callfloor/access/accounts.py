"""People: accounts and their roles in teams."""

from __future__ import annotations

import dataclasses
import re

from sqlalchemy import select

from callfloor.access.tables import Role, account, membership
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.numbers import take_numbers

EMAIL_MAX_LENGTH = 254
_ATOM = r"[^@\s\x00-\x1f\x7f-\x9f,;<>\".]+"
_AROUND = r"[\s\x1c-\x1f]*"
EMAIL_PATTERN = rf"^{_AROUND}\.?{_ATOM}(\.{_ATOM})*\.?@{_ATOM}(\.{_ATOM})+{_AROUND}$"
"""What the documents say of an address; around it space is passed over."""
_EMAIL = re.compile(EMAIL_PATTERN)
_HALF_OF_A_CHARACTER = re.compile("[\ud800-\udfff]")

_by_email = select(account.c.id).where(account.c.email_key == param("email_key"))
_new_account = (
    upsert(account)
    .values(
        id=param("id"),
        email=param("email"),
        email_key=param("email_key"),
        first_name=param("first_name"),
        last_name=param("last_name"),
        password_hash=param("password_hash"),
        created_at=param("created_at"),
    )
    .on_conflict_do_nothing(index_elements=[account.c.email_key])
    .returning(account.c.id)
)
_join = (
    upsert(membership)
    .values(
        team_id=param("team_id"),
        account_id=param("account_id"),
        role=param("role"),
        created_at=param("created_at"),
    )
    .on_conflict_do_nothing()
    .returning(membership.c.account_id)
)
_members_of_email = (
    select(account.c.id)
    .join(membership, membership.c.account_id == account.c.id)
    .where(membership.c.team_id == param("team_id"), account.c.email_key == param("email_key"))
)


class AlreadyMember(DomainError):
    """The person belongs to the team already."""

    code = "already_member"


@dataclasses.dataclass(frozen=True, slots=True)
class NewMember:
    """A person who is to belong to a team."""

    team_id: int
    email: str
    role: Role
    now: Millis
    first_name: str = ""
    last_name: str = ""
    password_hash: str | None = None


def email_key(email: str) -> str:
    """Return the form in which addresses are compared."""
    return email.strip().casefold()


def checked_email(email: str) -> str:
    """Return the address without surrounding space; its syntax is checked, private ends are accepted.

    Raises:
        InvalidInput: no address, or one without a dot in its domain.
    """
    address = email.strip()
    if len(address) > EMAIL_MAX_LENGTH or not _EMAIL.fullmatch(email) or _HALF_OF_A_CHARACTER.search(email):
        raise invalid("email", "must be an e-mail address such as name@company.example")
    return address


def join_team(tx: Tx, member: NewMember) -> int:
    """Make the person a member, with a new account when the address is new; return the account's id.

    Raises:
        InvalidInput: the address is not one.
        AlreadyMember: the person is in the team already.
    """
    email = checked_email(member.email)
    account_id = _account_of(tx, member, email)
    joined = tx.one(
        _join,
        {
            "team_id": member.team_id,
            "account_id": account_id,
            "role": member.role.value,
            "created_at": member.now,
        },
    )
    if joined is None:
        raise AlreadyMember(f"{email} is a member of this team already")
    return account_id


def member_by_email(tx: Tx, team_id: int, email: str) -> int | None:
    """Return the account id of the team's member with this address, or None."""
    row = tx.one(_members_of_email, {"team_id": team_id, "email_key": email_key(email)})
    return row[0] if row else None


def _account_of(tx: Tx, member: NewMember, email: str) -> int:
    known = tx.one(_by_email, {"email_key": email_key(email)})
    if known is None:
        known = tx.one(
            _new_account,
            {
                "id": take_numbers(tx, "account"),
                "email": email,
                "email_key": email_key(email),
                "first_name": member.first_name,
                "last_name": member.last_name,
                "password_hash": member.password_hash,
                "created_at": member.now,
            },
        )
    # None again: another transaction made the account between the two statements, and has committed.
    known = known or tx.one(_by_email, {"email_key": email_key(email)})
    if known is None:
        raise LookupError(email)
    account_id: int = known[0]
    return account_id
