"""What batches of reports and signs of life make of the presence of a team's devices; the same in any order.

Every verb takes a constant number of statements, whatever the number of devices. Their rows of `device` must be
locked: whoever changes a device's presence comes after whoever did before.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter

import msgspec

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.live.rows import add_transitions, correct_returns, newest_runs, next_seq, standings, write_standings
from callfloor.live.standing import SETTLE, Moment, Standing, TransitionRow
from callfloor.live.tables import Source, State

CHANNEL = "callfloor_live"
"""Tells the id of a team whose presence changed, to the servers that have watchers."""


class OngoingCall(msgspec.Struct, frozen=True):
    """The call a device is in."""

    app_name: str
    started_at: Millis


class Sound(msgspec.Struct, frozen=True):
    """A microphone or a speaker, and what is done to its stream."""

    device: str | None = None
    muted: bool | None = None
    noise_cancellation: bool | None = None
    accent_conversion: bool | None = None


class Content(msgspec.Struct, frozen=True):
    """What a report says beside the state."""

    call: OngoingCall | None = None
    mic: Sound | None = None
    speaker: Sound | None = None


class StateReport(msgspec.Struct, frozen=True):
    """One state event of an agent."""

    device_id: int
    event_id: str
    at: Millis
    state: State
    reason: str | None = None
    call: OngoingCall | None = None
    mic: Sound | None = None
    speaker: Sound | None = None


_IN_ORDER = attrgetter("device_id", "at", "event_id")


def apply_reports(
    tx: Tx, team_id: int, reports: Sequence[StateReport], *, now: Millis, settle: Millis = SETTLE
) -> None:
    """Keep every report as a transition, and show the newest of each device; their leases are renewed after this.

    Args:
        tx: holds the locks of the devices.
        team_id: whose devices they are.
        reports: in any order; of events not seen before.
        now: when they were received.
        settle: how long a new state must hold before an event tells of it.
    """
    if not reports:
        return
    moment = Moment(now, settle, renews=True)
    of_device: dict[int, list[StateReport]] = defaultdict(list)
    for report in sorted(reports, key=_IN_ORDER):
        of_device[report.device_id].append(report)
    known = standings(tx, team_id, list(of_device))
    transitions = [row for one in known if (row := one.catch_up(moment)) is not None]
    for one in known:
        newest: StateReport | None = None
        for report in of_device[one.device_id]:
            row = _transition(report)
            transitions.append(row)
            if one.reported(row.state, row.reason, row.at, row.event_id, moment):
                newest = report
        if newest is not None:
            one.content = Content(newest.call, newest.mic, newest.speaker)
            one.touch(moment)
    add_transitions(tx, team_id, transitions)
    late = [one for one in known if one.is_late]
    if late:
        earliest = min(report.at for one in late for report in of_device[one.device_id])
        _read_runs(tx, team_id, late, moment, earliest=earliest)
    keep(tx, team_id, known)


def heard(tx: Tx, team_id: int, device_ids: Iterable[int], *, now: Millis, settle: Millis = SETTLE) -> None:
    """Bring devices back whose lease had run out; it is renewed after this.

    Args:
        tx: holds the locks of the devices.
        team_id: whose devices they are.
        device_ids: who was heard of.
        now: when.
        settle: how long a new state must hold before an event tells of it.
    """
    ids = sorted(device_ids)
    if not ids:
        return
    moment = Moment(now, settle, renews=True)
    known = standings(tx, team_id, ids)
    transitions = [row for one in known if (row := one.catch_up(moment)) is not None]
    transitions += [row for one in known if (row := one.come_back(moment)) is not None]
    add_transitions(tx, team_id, transitions)
    keep(tx, team_id, known)


def keep(tx: Tx, team_id: int, known: Sequence[Standing]) -> None:
    """Write the rows that changed, with the team's next number if anything can be seen of it; tell the watchers."""
    changed = [one for one in known if one.is_changed]
    seen = [one for one in changed if one.is_seen]
    if seen:
        seq = next_seq(tx, team_id)
        for one in seen:
            one.seq = seq
        tx.notify(CHANNEL, str(team_id))
    write_standings(tx, team_id, changed)


def _read_runs(tx: Tx, team_id: int, late: Sequence[Standing], moment: Moment, *, earliest: Millis) -> None:
    ids = [one.device_id for one in late]
    correct_returns(tx, team_id, ids, since=earliest)
    by_id = {one.device_id: one for one in late}
    for device_id, rows in itertools.groupby(newest_runs(tx, team_id, ids), key=itemgetter(0)):
        by_id[device_id].correct([(at, state) for _, at, state in rows], moment)


def _transition(report: StateReport) -> TransitionRow:
    state, source = str(report.state), Source.AGENT.value
    return TransitionRow(report.device_id, report.at, report.event_id, state, report.reason, source)
