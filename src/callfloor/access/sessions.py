"""Sign-in of people: a session is a random token in a cookie, kept as a keyed hash, ended everywhere at once."""

from __future__ import annotations

import dataclasses
import functools

from sqlalchemy import Integer, delete, insert, select, update

from callfloor.access.secrets import hash_password, is_password, keyed_hash
from callfloor.access.tables import Role, account, membership, session
from callfloor.foundation.clock import HOUR, Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.ids import new_secret

SESSION_LIFE: Millis = 24 * HOUR

_by_email = select(account.c.id, account.c.email, account.c.first_name, account.c.last_name, account.c.password_hash)
_by_email = _by_email.where(account.c.email_key == param("email_key"))
_by_id = select(account.c.email, account.c.first_name, account.c.last_name).where(account.c.id == param("account_id"))
_teams_of = (
    select(membership.c.team_id, membership.c.role)
    .where(membership.c.account_id == param("account_id"))
    .order_by(membership.c.team_id)
)
_begin = insert(session)
_signed_in = update(account).where(account.c.id == param("account_id")).values(last_signed_in_at=param("now"))
_end = delete(session).where(session.c.token_hash == param("token_hash"))


_ended = (
    select(session.c.token_hash)
    .where(session.c.expires_at <= param("now"))
    .order_by(session.c.expires_at)
    .limit(param("count", Integer))
    .with_for_update(skip_locked=True)
    .cte("ended")
)
_forget = delete(session).where(session.c.token_hash.in_(select(_ended.c.token_hash))).returning(session.c.account_id)


class SignInRefused(DomainError):
    """The address and the password do not belong together, or the person is in no such team."""

    code = "sign_in_refused"
    status = 401


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """Who signed in, and the teams they belong to: (team id, role)."""

    account_id: int
    email: str
    first_name: str
    last_name: str
    teams: tuple[tuple[int, Role], ...]


@functools.cache
def _nobody() -> str:
    return hash_password(new_secret())


def person_by_password(tx: Tx, email_key: str, password: str) -> Person:
    """Return the person; takes as long for an address nobody has as for a wrong password.

    Runs argon2id: never in the event loop, never in a write.

    Raises:
        SignInRefused: the two do not belong together.
    """
    row = tx.one(_by_email, {"email_key": email_key})
    known_hash = row[4] if row is not None else None
    if not is_password(password, known_hash or _nobody()) or row is None or known_hash is None:
        raise SignInRefused("the e-mail address and the password do not belong together")
    return Person(row[0], row[1], row[2], row[3], _teams(tx, row[0]))


def person_by_id(tx: Tx, account_id: int) -> Person:
    """Return the person.

    Raises:
        SignInRefused: there is no such account.
    """
    row = tx.one(_by_id, {"account_id": account_id})
    if row is None:
        raise SignInRefused("this account is gone")
    return Person(account_id, *row, _teams(tx, account_id))


def begin_session(tx: Tx, *, account_id: int, team_id: int, token_hash: bytes, now: Millis) -> None:
    """Begin a session of the person in this team; the account keeps when that was."""
    tx.run(
        _begin,
        {
            "token_hash": token_hash,
            "account_id": account_id,
            "team_id": team_id,
            "created_at": now,
            "expires_at": now + SESSION_LIFE,
        },
    )
    tx.run(_signed_in, {"account_id": account_id, "now": now})


def end_session(tx: Tx, token_hash: bytes) -> None:
    """End the session; ending one that has ended changes nothing."""
    tx.run(_end, {"token_hash": token_hash})


def forget_sessions(tx: Tx, *, now: Millis, count: int) -> int:
    """Forget up to `count` sessions that have ended by themselves; return how many."""
    return len(tx.all(_forget, {"now": now, "count": count}))


def csrf_token(token: str, *, hash_key: bytes) -> str:
    """Return the token a browser must send beside the session's cookie with every change."""
    return keyed_hash(f"csrf:{token}", key=hash_key).hex()


def _teams(tx: Tx, account_id: int) -> tuple[tuple[int, Role], ...]:
    return tuple((team_id, Role(role)) for team_id, role in tx.all(_teams_of, {"account_id": account_id}))
