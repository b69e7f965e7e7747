"""A group of parcels becomes rows, in one transaction: what is known already changes nothing.

Team by team, in the order of their ids: the devices are locked, then the events are compared with what is known, kept,
counted by usage, shown by live, and the leases renewed. Locked devices make all of it free of races, and the order
keeps two servers from waiting for each other.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Text, insert, select

from callfloor.devices.leases import LockedDevice, lock_devices, renew_leases
from callfloor.devices.tokens import DeviceCaller, callers_of, devices_of_tokens, renew_tokens
from callfloor.foundation.clock import SECOND, Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.database.row_list import row_list
from callfloor.foundation.errors import DomainError
from callfloor.ingest.batches import Kept, Parcel
from callfloor.ingest.rules import language_of, millis
from callfloor.ingest.schemas import CallEvent, StateEvent
from callfloor.ingest.tables import agent_event
from callfloor.live.presence import OngoingCall, StateReport, apply_reports, heard
from callfloor.live.standing import SETTLE
from callfloor.live.tables import State
from callfloor.usage.records import Features, FinishedCall, record_calls

_e = agent_event.c
_asked = row_list("asked", device_id=BigInteger, event_id=Text)
_known = select(_e.device_id, _e.event_id).join_from(
    _asked,
    agent_event,
    (_e.team_id == param("team_id", BigInteger))
    & (_e.device_id == _asked.c.device_id)
    & (_e.event_id == _asked.c.event_id),
    isouter=True,
)
_keep = insert(agent_event)
_STATES = {state.value: state for state in State}

_Key = tuple[int, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """Parcels that share a transaction, and the pause between heartbeats that their agents are told to keep.

    `settle` is how long a new state must hold before an event tells of it.
    """

    parcels: Sequence[Parcel]
    heartbeat_seconds: int
    now: Millis
    settle: Millis = SETTLE


@dataclasses.dataclass(slots=True)
class Counted:
    """How many events of a parcel changed something, or were a sign of life, and how many were known."""

    accepted: int = 0
    duplicates: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class _Sent:
    """A parcel, who sent it, and what comes of it."""

    parcel: Parcel
    caller: DeviceCaller
    counted: Counted


Outcome = Counted | DomainError


def record_batch(tx: Tx, group: Group) -> list[Outcome]:
    """Record every parcel whose token is good.

    Returns:
        for each parcel what was counted, or why nothing was: TokenInvalid, DeviceBlocked.
    """
    locked = _locked(tx, [parcel.token_hash for parcel in group.parcels])
    # Under the locks: a device that is blocked or unassigned meanwhile comes before this, or after it.
    callers = callers_of(tx, (parcel.token_hash for parcel in group.parcels), now=group.now)
    outcomes: list[Outcome] = []
    teams: dict[int, list[_Sent]] = defaultdict(list)
    for parcel in group.parcels:
        caller = callers[parcel.token_hash]
        if isinstance(caller, DeviceCaller):
            sent = _Sent(parcel, caller, Counted(parcel.heartbeats, parcel.repeated))
            teams[caller.team_id].append(sent)
            outcomes.append(sent.counted)
        else:
            outcomes.append(caller)
    for team_id, found in sorted(teams.items()):
        _record_team(tx, team_id, found, locked[team_id], group)
    return outcomes


def _locked(tx: Tx, token_hashes: Iterable[bytes]) -> dict[int, dict[int, LockedDevice]]:
    """Lock the devices of the tokens, and return them by team and id."""
    devices: dict[int, list[int]] = defaultdict(list)
    for team_id, device_id in devices_of_tokens(tx, token_hashes):
        devices[team_id].append(device_id)
    return {team_id: lock_devices(tx, team_id, ids) for team_id, ids in sorted(devices.items())}


def _record_team(
    tx: Tx, team_id: int, sent: Sequence[_Sent], devices: Mapping[int, LockedDevice], group: Group
) -> None:
    new = _keep_new(tx, team_id, sent, group.now)
    _count_calls(tx, team_id, new, devices, group.now)
    reports = [_report(one.caller.device_id, kept) for one, kept in new if isinstance(kept.event, StateEvent)]
    apply_reports(tx, team_id, reports, now=group.now, settle=group.settle)
    alive = sorted({one.caller.device_id for one in sent if one.counted.accepted})
    back = [id_ for id_ in alive if devices[id_].has_lapsed(group.now)]
    heard(tx, team_id, back, now=group.now, settle=group.settle)
    active_for = 3 * group.heartbeat_seconds * SECOND
    renew_leases(tx, team_id, alive, now=group.now, active_for=active_for)
    ageing = {one.parcel.token_hash for one in sent if one.counted.accepted and one.caller.is_ageing(group.now)}
    renew_tokens(tx, ageing, now=group.now)


def _keep_new(tx: Tx, team_id: int, sent: Iterable[_Sent], now: Millis) -> list[tuple[_Sent, Kept]]:
    """Keep the events that are not known, and return them; the others are counted as duplicates."""
    events = [(one, kept) for one in sent for kept in one.parcel.kept]
    if not events:
        return []
    asked = [(one.caller.device_id, kept.id) for one, kept in events]
    seen: set[_Key] = {(device_id, id_) for device_id, id_ in tx.all(_known, {"team_id": team_id, "asked": asked})}
    new, rows = [], []
    for (one, kept), key in zip(events, asked, strict=True):
        if key in seen:
            one.counted.duplicates += 1
            continue
        seen.add(key)
        one.counted.accepted += 1
        new.append((one, kept))
        kind = "call" if isinstance(kept.event, CallEvent) else "state"
        rows.append((team_id, *key, kind, kept.at, now, kept.content))
    tx.load(_keep, rows)
    return new


def _count_calls(
    tx: Tx, team_id: int, new: Iterable[tuple[_Sent, Kept]], devices: Mapping[int, LockedDevice], now: Millis
) -> None:
    calls = [(one, kept.event) for one, kept in new if isinstance(kept.event, CallEvent)]
    finished = [_finished_call(one.caller, devices[one.caller.device_id], event) for one, event in calls]
    for (one, _), is_counted in zip(calls, record_calls(tx, team_id, finished, now=now), strict=True):
        if not is_counted:
            one.counted.accepted -= 1
            one.counted.duplicates += 1


def _finished_call(caller: DeviceCaller, device: LockedDevice, event: CallEvent) -> FinishedCall:
    return FinishedCall(
        device_id=caller.device_id,
        username=caller.username,
        account_id=device.account_id,
        call_id=str(event.call_id),
        revision=event.revision,
        app_name=event.app_name,
        language=language_of(event),
        started_at=millis(event.started_at),
        ended_at=millis(event.ended_at),
        mic_seconds=event.mic_seconds,
        speaker_seconds=event.speaker_seconds,
        features=Features(*_seconds_of_features(event)),
    )


def _seconds_of_features(event: CallEvent) -> tuple[Any, ...]:
    return tuple(getattr(event.features, name) for name in Features.__struct_fields__)


def _report(device_id: int, kept: Kept) -> StateReport:
    event = kept.event
    assert isinstance(event, StateEvent)  # noqa: S101  # as the caller chose
    call = None if event.call is None else OngoingCall(event.call.app_name, millis(event.call.started_at))
    return StateReport(device_id, kept.id, kept.at, _STATES[event.state], event.reason, call, event.mic, event.speaker)
