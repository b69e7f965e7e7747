"""People of a team who are signed in, for tests."""

from __future__ import annotations

import functools

from callfloor.access.secrets import keyed_hash
from callfloor.access.sessions import begin_session, csrf_token
from callfloor.access.tables import Role
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_secret
from callfloor.teams.teams import Team
from tests.factories.teams import make_person


def sign_in(
    db: Database, team: Team, role: Role, *, hash_key: bytes, email: str | None = None
) -> tuple[int, dict[str, str]]:
    """Make a person with the role, and sign them in; returns the account, and the headers of a change."""
    account_id = make_person(db, team, role=role, email=email).account_id
    token = new_secret()
    begin = functools.partial(
        begin_session,
        account_id=account_id,
        team_id=team.id,
        token_hash=keyed_hash(token, key=hash_key),
        now=clock.now(),
    )
    db.write_now(begin)
    cookie = f"__Host-callfloor={token}"
    return account_id, {"cookie": cookie, "x-csrf-token": csrf_token(token, hash_key=hash_key)}
