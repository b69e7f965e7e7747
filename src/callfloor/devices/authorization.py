"""Sign-in of a person's agent by device authorization (RFC 8628): the agent waits, its person confirms the machine.

the agent begins, and is told two codes: one it keeps, one that its person types
a signed-in person approves, for a team where they hold a seat, or denies: the first decision holds
the agent asks with its own code: pending, slow down, denied, expired, or its token, once
"""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import Integer, delete, select, update

from callfloor.access.audit import Actor, Change
from callfloor.access.changes import record_change
from callfloor.devices.arrival import DeviceConflict, LoggedIn, Machine, Origin
from callfloor.devices.signing_in import Holding, PersonHasNoSeat, seat_for_agent, sign_in_device
from callfloor.devices.tables import AuthorizationState, device_authorization
from callfloor.devices.token_refusals import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    SlowDown,
    TokenRefused,
)
from callfloor.foundation.clock import DAY, SECOND, Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import DomainError

INTERVAL_SECONDS = 5
SLOWER_BY_SECONDS = 5
"""What RFC 8628, section 3.5 has an agent add to its interval when it is told to slow down."""
LONGEST_INTERVAL_SECONDS = 60
SLACK: Millis = SECOND
"""How much too soon an agent may ask: not every network takes as long as the one before."""
KEPT_AFTER: Millis = DAY
"""An agent that comes late is told that its code has expired, not that there never was one."""

_PENDING, _APPROVED = AuthorizationState.PENDING.value, AuthorizationState.APPROVED.value
_c = device_authorization.c
_row = upsert(device_authorization).values({column.name: param(column.name) for column in _c})
_begin = _row.on_conflict_do_nothing().returning(_c.expires_at)
_columns = (
    _c.machine_id,
    _c.hostname,
    _c.username,
    _c.os,
    _c.os_version,
    _c.app_version,
    _c.state,
    _c.address,
    _c.created_at,
    _c.expires_at,
    _c.interval_seconds,
    _c.ask_after,
    _c.team_id,
    _c.account_id,
    _c.seated_at,
)
_by_device_code = select(*_columns).where(_c.device_code_hash == param("code_hash"))
_by_user_code = select(*_columns).where(_c.user_code_hash == param("code_hash"))
_ask = (
    update(device_authorization)
    .where(_c.device_code_hash == param("code_hash"))
    .values(interval_seconds=param("interval"), ask_after=param("after"))
)
_decide = (
    update(device_authorization)
    .where(_c.user_code_hash == param("code_hash"), _c.state == _PENDING, _c.expires_at > param("now"))
    .values(
        state=param("decision"),
        team_id=param("team"),
        account_id=param("account"),
        seated_at=param("since"),
        decided_at=param("now"),
    )
    .returning(_c.hostname)
)
_redeem = (
    update(device_authorization)
    .where(_c.device_code_hash == param("code_hash"), _c.state == _APPROVED)
    .values(state=AuthorizationState.REDEEMED.value)
    .returning(_c.state)
)
_forget_some = (
    delete(device_authorization)
    .where(
        _c.device_code_hash.in_(
            select(_c.device_code_hash).where(_c.expires_at <= param("before")).limit(param("count", Integer))
        )
    )
    .returning(_c.expires_at)
)


class AuthorizationNotFound(DomainError):
    """No machine waits with this code."""

    code = "authorization_not_found"
    status = 404


class AuthorizationDecided(DomainError):
    """Somebody confirmed or refused the machine before."""

    code = "authorization_decided"


@dataclasses.dataclass(frozen=True, slots=True)
class BeginAuthorization:
    """A machine that is to be confirmed by a person; both codes are made before."""

    device_code_hash: bytes
    user_code_hash: bytes
    machine: Machine
    address: str
    expires_at: Millis
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class DecideAuthorization:
    """What a signed-in person says of a machine; approved, it becomes theirs in the team."""

    user_code_hash: bytes
    team_id: int
    account_id: int
    actor: Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class RedeemAuthorization:
    """An agent that asks for its token."""

    device_code_hash: bytes
    origin: Origin


@dataclasses.dataclass(frozen=True, slots=True)
class Authorization:
    """A machine that waits, or waited."""

    machine: Machine
    state: AuthorizationState
    address: str
    created_at: Millis
    expires_at: Millis
    interval_seconds: int
    ask_after: Millis
    team_id: int | None
    account_id: int | None
    seated_at: Millis | None


def begin_authorization(tx: Tx, command: BeginAuthorization) -> bool:
    """Let the machine wait for its person; False when the code that people type is taken: come with another."""
    fresh = {
        "device_code_hash": command.device_code_hash,
        "user_code_hash": command.user_code_hash,
        "state": _PENDING,
        **dataclasses.asdict(command.machine),
        "address": command.address,
        "created_at": command.now,
        "expires_at": command.expires_at,
        "interval_seconds": INTERVAL_SECONDS,
        "ask_after": command.now,
        "team_id": None,
        "account_id": None,
        "seated_at": None,
        "decided_at": None,
    }
    return tx.one(_begin, fresh) is not None


def authorization_by_user_code(tx: Tx, user_code_hash: bytes, *, account_id: int, now: Millis) -> Authorization:
    """Return the machine that waits with this code, or that this person decided about.

    Raises:
        AuthorizationNotFound: there is none, or its time is over, or another person decided.
    """
    found = _found(tx.one(_by_user_code, {"code_hash": user_code_hash}))
    if found is None or found.expires_at <= now or found.account_id not in {None, account_id}:
        raise AuthorizationNotFound("no machine waits with this code; it may have expired: start again at the machine")
    return found


def approve_authorization(tx: Tx, command: DecideAuthorization) -> Authorization:
    """Let the machine in as the person's, in the team.

    Raises:
        AuthorizationNotFound: as `authorization_by_user_code`.
        AuthorizationDecided: it was confirmed or refused before.
        NotAnEmailTeam, PersonHasNoSeat: as `seat_for_agent`.
    """
    held = seat_for_agent(tx, command.team_id, command.account_id)
    return _decided(tx, command, AuthorizationState.APPROVED, held.since)


def deny_authorization(tx: Tx, command: DecideAuthorization) -> Authorization:
    """Refuse the machine.

    Raises:
        AuthorizationNotFound, AuthorizationDecided: as `approve_authorization`.
    """
    return _decided(tx, command, AuthorizationState.DENIED, None)


def redeem_authorization(tx: Tx, command: RedeemAuthorization) -> LoggedIn | DeviceConflict | TokenRefused:
    """Give the agent its token, once; what is to be kept of a refusal is returned with it, not raised.

    Raises:
        InvalidGrant, ExpiredToken, AccessDenied: see `TokenRefused`.
    """
    key, now = {"code_hash": command.device_code_hash}, command.origin.now
    found = _waiting(tx, command, now)
    if found.state is AuthorizationState.PENDING:
        return _ask_again(tx, command.device_code_hash, found, now)
    if found.team_id is None or found.account_id is None or found.seated_at is None:
        raise LookupError("an approval without a person")
    try:
        holding = Holding(found.team_id, found.account_id, found.seated_at)
        outcome = sign_in_device(tx, holding, found.machine, command.origin)
    except PersonHasNoSeat as refusal:
        raise AccessDenied(refusal.message) from refusal
    # After the lock of the team's row, which whoever redeems takes: of two that come at once, one finds it redeemed.
    if isinstance(outcome, LoggedIn) and tx.one(_redeem, key) is None:
        raise InvalidGrant("this code was used already")
    return outcome


def forget_authorizations(tx: Tx, *, now: Millis, count: int) -> int:
    """Delete up to `count` authorizations that have been over for a day, and return how many."""
    return len(tx.all(_forget_some, {"before": now - KEPT_AFTER, "count": count}))


def _waiting(tx: Tx, command: RedeemAuthorization, now: Millis) -> Authorization:
    found = _found(tx.one(_by_device_code, {"code_hash": command.device_code_hash}))
    if found is None or found.state is AuthorizationState.REDEEMED:
        raise InvalidGrant("this code is not known here, or was used already; begin anew")
    if found.state is AuthorizationState.DENIED:
        raise AccessDenied("the person refused this machine")
    if found.expires_at <= now:
        raise ExpiredToken("nobody confirmed this machine in time; begin anew")
    return found


def _ask_again(tx: Tx, code_hash: bytes, found: Authorization, now: Millis) -> TokenRefused:
    interval = found.interval_seconds
    refused: TokenRefused = AuthorizationPending(interval)
    if now < found.ask_after:
        interval = min(interval + SLOWER_BY_SECONDS, LONGEST_INTERVAL_SECONDS)
        refused = SlowDown(interval)
    tx.run(_ask, {"code_hash": code_hash, "interval": interval, "after": now + interval * SECOND - SLACK})
    return refused


def _decided(tx: Tx, command: DecideAuthorization, decision: AuthorizationState, since: Millis | None) -> Authorization:
    found = authorization_by_user_code(tx, command.user_code_hash, account_id=command.account_id, now=command.now)
    row = tx.one(
        _decide,
        {
            "code_hash": command.user_code_hash,
            "decision": decision.value,
            "team": command.team_id,
            "account": command.account_id,
            "since": since,
            "now": command.now,
        },
    )
    if row is None:
        raise AuthorizationDecided("this machine was confirmed or refused already")
    after = {"hostname": found.machine.hostname, "username": found.machine.username, "address": found.address}
    change = Change(
        command.team_id,
        f"agent_authorization.{decision.value}",
        "account",
        str(command.account_id),
        after=after,
    )
    record_change(tx, command.actor, change, now=command.now)
    return dataclasses.replace(found, state=decision, team_id=command.team_id, account_id=command.account_id)


def _found(row: tuple[Any, ...] | None) -> Authorization | None:
    if row is None:
        return None
    return Authorization(Machine(*row[:6]), AuthorizationState(row[6]), *row[7:])
