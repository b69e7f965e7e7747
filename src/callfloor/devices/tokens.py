"""Device tokens: given at log-in, renewed by use, ended by log-out, block, another host, or with a person's seat."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Select, case, delete, func, select, update

from callfloor.access.audit import Actor
from callfloor.devices.events import tell
from callfloor.devices.tables import device, device_block, device_token
from callfloor.foundation.clock import DAY, HOUR, SECOND, Millis
from callfloor.foundation.database import Tx, any_of, param, upsert
from callfloor.foundation.errors import DomainError
from callfloor.teams.device_seats import mark_seat_active
from callfloor.teams.seat_activity import mark_person_active
from callfloor.teams.tables import seat

TOKEN_LIFE: Millis = 30 * DAY
HEARTBEAT_SECONDS = 30
ACTIVE_FOR: Millis = 3 * HEARTBEAT_SECONDS * SECOND
"""Three heartbeats: who is not heard of for so long is gone, and another host may come with the machine id."""
_RENEW_AFTER: Millis = HEARTBEAT_SECONDS * SECOND

_t, _d = device_token.c, device.c
_of_device = (_t.team_id == param("team_id"), _t.device_id == param("device_id"))
_fresh = upsert(device_token).values(
    team_id=param("team_id"),
    device_id=param("device_id"),
    username=param("username"),
    token_hash=param("token_hash"),
    expires_at=param("expires_at"),
    seated_at=param("seated_at"),
)
_give = _fresh.on_conflict_do_update(
    index_elements=[_t.team_id, _t.device_id, _t.username],
    set_={name: _fresh.excluded[name] for name in ("token_hash", "expires_at", "seated_at")},
).returning(_t.expires_at)
_forget_expired = delete(device_token).where(*_of_device, _t.expires_at <= param("now"))
_end_one = delete(device_token).where(*_of_device, _t.username == param("username"))
# Not at the present instant: a renewal that read the clock a moment earlier must find them ended too.
_end_all = update(device_token).where(*_of_device).values(expires_at=0)
_live = select(func.count()).select_from(device_token).where(*_of_device, _t.expires_at > param("now"))
_renew = (
    update(device_token)
    .where(*_of_device, _t.username == param("username"), _t.expires_at > param("now"))
    .values(expires_at=param("expires_at"))
    .returning(_t.expires_at)
)
_of_one = (_d.team_id == param("team_id"), _d.id == param("device_id"))
_seen = (
    update(device)
    .where(*_of_one)
    .values(last_seen_at=param("now"), active_until=param("active_until"))
    .returning(_d.seat_id, _d.account_id)
)
_leave = update(device).where(*_of_one).values(active_until=param("now"))


def _whose() -> Select[Any]:
    return (
        select(
            _t.team_id,
            _t.device_id,
            _t.username,
            # Of a person who left their seat it has ended, also when they hold one again.
            case((_d.account_id.is_(None) | (seat.c.assigned_at == _t.seated_at), _t.expires_at), else_=0),
            _d.hostname,
            case((_d.seat_id.is_not(None), _d.seat_id), else_=seat.c.id),
            _d.last_seen_at,
            _d.account_id,
            _d.blocked_at,
            device_block.c.reason,
        )
        .join_from(device_token, device, (_d.team_id == _t.team_id) & (_d.id == _t.device_id))
        .join(
            device_block,
            (device_block.c.team_id == _d.team_id) & (device_block.c.device_id == _d.id),
            isouter=True,
        )
        .join(seat, (seat.c.team_id == _d.team_id) & (seat.c.account_id == _d.account_id), isouter=True)
    )


BY_TOKEN = _whose().where(_t.token_hash == param("token_hash"))
"""Whose token it is, for `caller_of`."""
_by_tokens = _whose().add_columns(_t.token_hash).where(any_of(_t.token_hash, "token_hashes"))
_places = select(_t.team_id, _t.device_id).where(any_of(_t.token_hash, "token_hashes"))
_renew_all = (
    update(device_token)
    .where(any_of(_t.token_hash, "token_hashes"), _t.expires_at > param("now"))
    .values(expires_at=param("until"))
)


class TokenInvalid(DomainError):
    """No token, one that is not known, or one that has ended."""

    code = "token_invalid"
    status = 401


class DeviceBlocked(DomainError):
    """An administrator shut the device out."""

    code = "device_blocked"
    status = 403

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"this device is blocked: {reason}" if reason else "this device is blocked")


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceCaller:
    """The device, and the OS user on it, that a token stands for."""

    team_id: int
    device_id: int
    username: str
    expires_at: Millis
    hostname: str
    seat_id: int | None
    """Of the device; in an email team of its person."""
    last_seen_at: Millis
    account_id: int | None = None
    """Whose device it is, in an email team."""

    def is_ageing(self, now: Millis) -> bool:
        """Return whether the token has been left as it is for an hour."""
        return self.expires_at - now < TOKEN_LIFE - HOUR

    def is_due(self, now: Millis) -> bool:
        """Return whether the token is to be renewed, which each use does, but not more than once a heartbeat."""
        return now - self.last_seen_at >= _RENEW_AFTER

    def actor(self, *, request_id: str, address: str) -> Actor:
        """Return the device as the actor of an audit entry."""
        return Actor("device", str(self.device_id), self.hostname, request_id, address)


def caller_of(rows: Sequence[tuple[Any, ...]], now: Millis) -> DeviceCaller:
    """Return who speaks by the token that `BY_TOKEN` was asked for.

    Raises:
        TokenInvalid: it is not known, or has ended.
        DeviceBlocked: an administrator shut the device out.
    """
    if not rows:
        raise TokenInvalid("this token is not known here; log in again")
    caller, (blocked_at, reason) = DeviceCaller(*rows[0][:8]), rows[0][8:10]
    if blocked_at is not None:
        raise DeviceBlocked(reason)
    if caller.expires_at <= now:
        raise TokenInvalid("this token has ended; log in again")
    return caller


def devices_of_tokens(tx: Tx, token_hashes: Iterable[bytes]) -> set[tuple[int, int]]:
    """Return team and id of the devices that the tokens were given to, whatever became of them: to be locked."""
    return set(tx.all(_places, {"token_hashes": sorted(set(token_hashes))}))


def callers_of(tx: Tx, token_hashes: Iterable[bytes], *, now: Millis) -> dict[bytes, DeviceCaller | DomainError]:
    """Return for each token who speaks by it, or what `caller_of` would raise."""
    asked = sorted(set(token_hashes))
    known = {row[10]: row for row in tx.all(_by_tokens, {"token_hashes": asked})}
    found: dict[bytes, DeviceCaller | DomainError] = {}
    for token_hash in asked:
        try:
            found[token_hash] = caller_of([known[token_hash]] if token_hash in known else [], now)
        except DomainError as refusal:
            found[token_hash] = refusal
    return found


def renew_tokens(tx: Tx, token_hashes: Collection[bytes], *, now: Millis) -> None:
    """Keep the tokens for another 30 days; an ended one stays ended. Their devices' rows are locked by the caller."""
    if token_hashes:
        tx.run(_renew_all, {"token_hashes": sorted(token_hashes), "now": now, "until": now + TOKEN_LIFE})


def give_token(
    tx: Tx,
    team_id: int,
    device_id: int,
    username: str,
    *,
    token_hash: bytes,
    now: Millis,
    seated_at: Millis | None = None,
) -> None:
    """Give the OS user's agent a new token in place of the one it had; a person's ends with their seat."""
    key = {"team_id": team_id, "device_id": device_id}
    tx.run(_forget_expired, {**key, "now": now})
    fresh = {"username": username, "token_hash": token_hash, "expires_at": now + TOKEN_LIFE, "seated_at": seated_at}
    tx.one(_give, {**key, **fresh})


def end_tokens(tx: Tx, team_id: int, device_id: int) -> None:
    """End every token of the device; the rows stay until the next log-in, to tell a blocked device what it is."""
    tx.run(_end_all, {"team_id": team_id, "device_id": device_id})


def renew_token(tx: Tx, caller: DeviceCaller, *, now: Millis) -> None:
    """Keep the token for another 30 days, and remember that the device was heard of; an ended token stays ended."""
    key = {"team_id": caller.team_id, "device_id": caller.device_id}
    renewed = tx.one(_renew, {**key, "username": caller.username, "now": now, "expires_at": now + TOKEN_LIFE})
    if renewed is None:
        return
    holder = tx.one(_seen, {**key, "now": now, "active_until": now + ACTIVE_FOR})
    seat_id, account_id = holder or (None, None)
    if seat_id is not None:
        mark_seat_active(tx, caller.team_id, seat_id, now=now)
    elif account_id is not None:
        mark_person_active(tx, caller.team_id, account_id, now=now)


def log_out_device(tx: Tx, caller: DeviceCaller, *, now: Millis) -> None:
    """End the token; the seat stays, and with the last OS user gone another host may come with the machine id."""
    key = {"team_id": caller.team_id, "device_id": caller.device_id}
    tx.run(_end_one, {**key, "username": caller.username})
    others = tx.one(_live, {**key, "now": now})
    if others is None or not others[0]:
        tx.run(_leave, {**key, "now": now})
        tell(tx, caller.team_id, "device.logged_out", caller.device_id, {"username": caller.username}, now=now)
