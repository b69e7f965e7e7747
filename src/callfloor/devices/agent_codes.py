"""Codes that an administrator makes for a person: the person's agent signs in with one at once, and once."""

from __future__ import annotations

import dataclasses

from sqlalchemy import Integer, delete, select

from callfloor.access.audit import Actor, Change
from callfloor.access.changes import record_change
from callfloor.access.memberships import member_by_id
from callfloor.devices.arrival import DeviceConflict, LoggedIn, Machine, Origin
from callfloor.devices.signing_in import Holding, PersonHasNoSeat, seat_for_agent, sign_in_device
from callfloor.devices.tables import agent_code
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import DomainError

_c = agent_code.c
_fresh = upsert(agent_code).values({column.name: param(column.name) for column in _c})
_put = _fresh.on_conflict_do_update(
    index_elements=[_c.team_id, _c.account_id],
    set_={column.name: _fresh.excluded[column.name] for column in _c if not column.primary_key},
)
_by_hash = select(_c.team_id, _c.account_id, _c.seated_at, _c.expires_at).where(_c.code_hash == param("code_hash"))
_use = delete(agent_code).where(_c.code_hash == param("code_hash")).returning(_c.account_id)
_of_person = (_c.team_id == param("team_id"), _c.account_id == param("account_id"))
_withdraw = delete(agent_code).where(*_of_person).returning(_c.expires_at)
_expired = select(_c.code_hash).where(_c.expires_at <= param("before")).limit(param("count", Integer))
_forget_some = delete(agent_code).where(_c.code_hash.in_(_expired)).returning(_c.expires_at)


class AgentCodeInvalid(DomainError):
    """No code of ours, one that was used or withdrawn, or its time is over."""

    code = "agent_code_invalid"
    status = 401


@dataclasses.dataclass(frozen=True, slots=True)
class MakeAgentCode:
    """A code for a person's agent; it takes the place of the one before."""

    team_id: int
    account_id: int
    code_hash: bytes
    expires_at: Millis
    actor: Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class RedeemAgentCode:
    """An agent that comes with a code."""

    code_hash: bytes
    machine: Machine
    origin: Origin


def make_agent_code(tx: Tx, command: MakeAgentCode) -> None:
    """Let an agent sign in with the code, once, as the person's.

    Raises:
        NotAnEmailTeam, PersonHasNoSeat: as `seat_for_agent`.
        PersonNotFound: the team has no such member.
    """
    member = member_by_id(tx, command.team_id, command.account_id)
    held = seat_for_agent(tx, command.team_id, command.account_id)
    tx.run(
        _put,
        {
            "team_id": command.team_id,
            "account_id": command.account_id,
            "code_hash": command.code_hash,
            "seated_at": held.since,
            "made_by": command.actor.name,
            "created_at": command.now,
            "expires_at": command.expires_at,
        },
    )
    about = {"email": member.email, "expires_at": command.expires_at}
    change = _change("agent_code.created", command.team_id, command.account_id, **about)
    record_change(tx, command.actor, change, now=command.now)


def withdraw_agent_code(tx: Tx, team_id: int, account_id: int, *, actor: Actor, now: Millis) -> None:
    """End the person's code; without one nothing changes.

    Raises:
        PersonNotFound: the team has no such member.
    """
    member = member_by_id(tx, team_id, account_id)
    if tx.one(_withdraw, {"team_id": team_id, "account_id": account_id}) is not None:
        change = _change("agent_code.withdrawn", team_id, account_id, email=member.email)
        record_change(tx, actor, change, now=now)


def redeem_agent_code(tx: Tx, command: RedeemAgentCode) -> LoggedIn | DeviceConflict:
    """Let the machine in as that of the code's person, and end the code; a conflict leaves the code as it was.

    Raises:
        AgentCodeInvalid: see there; or the person left the team since.
    """
    row = tx.one(_by_hash, {"code_hash": command.code_hash})
    if row is None or row[3] <= command.origin.now:
        raise AgentCodeInvalid("this code is not valid; ask your administrator for a new one")
    try:
        outcome = sign_in_device(tx, Holding(row[0], row[1], row[2]), command.machine, command.origin)
    except PersonHasNoSeat as refusal:
        raise AgentCodeInvalid(refusal.message) from refusal
    # After the lock of the team's row: of two that come at once, one finds the code gone.
    if isinstance(outcome, LoggedIn) and tx.one(_use, {"code_hash": command.code_hash}) is None:
        raise AgentCodeInvalid("this code was used already; ask your administrator for a new one")
    return outcome


def forget_agent_codes(tx: Tx, *, now: Millis, count: int) -> int:
    """Delete up to `count` codes whose time is over, and return how many."""
    return len(tx.all(_forget_some, {"before": now, "count": count}))


def _change(kind: str, team_id: int, account_id: int, **after: object) -> Change:
    return Change(team_id, kind, "account", str(account_id), after=after)
