"""What the database holds of a team's live state, for tests to compare; and short ways to change it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from callfloor.devices.leases import lock_devices, renew_leases
from callfloor.foundation.database import Database, Tx, param
from callfloor.foundation.outbox.tables import outbox_event
from callfloor.live.presence import StateReport, apply_reports, heard
from callfloor.live.queries import LiveDevice, LiveFilter, head_of, live_page
from callfloor.live.sweeping import STATE_CHANGED, prepare_sweep, sweep
from callfloor.live.tables import State, presence, transition
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team

NOW = 1_800_000_000_000
LEASE = 90_000
SETTLE = 30_000

_p, _t = presence.c, transition.c
_presence = (
    select(_p.device_id, _p.state, _p.reason, _p.at, _p.event_id, _p.content, _p.shown_state, _p.since)
    .where(_p.team_id == param("team"))
    .order_by(_p.device_id)
)
_transitions = (
    select(_t.device_id, _t.at, _t.event_id, _t.state, _t.reason, _t.source)
    .where(_t.team_id == param("team"))
    .order_by(_t.device_id, _t.at, _t.event_id)
)
_told = (
    select(outbox_event.c.subject, outbox_event.c.payload)
    .where(outbox_event.c.team_id == param("team"), outbox_event.c.kind == STATE_CHANGED)
    .order_by(outbox_event.c.entry)
)


def floor_of(db: Database, devices: int, *, now: int = NOW) -> tuple[DeviceTeam, list[int]]:
    """Make a team with devices that log in at `now`; return their ids."""
    team = make_device_team(db, seats=devices)
    return team, [log_in(db, team, machine(number), now=now).device_id for number in range(1, devices + 1)]


def report(device_id: int, at: int, state: str, *, event_id: str | None = None, **more: Any) -> StateReport:
    """Return a report at so many milliseconds after NOW; its event id is told by its time unless given."""
    return StateReport(device_id, event_id or f"{at:036d}", NOW + at, State(state), **more)


def receive(
    db: Database, team_id: int, reports: Sequence[StateReport] = (), *, now: int, of: Iterable[int] = ()
) -> int:
    """Take in a batch as the server does, `of` further devices that only sent a heartbeat; return the statements."""

    def verb(tx: Tx) -> int:
        devices = lock_devices(tx, team_id, {*of, *(one.device_id for one in reports)})
        before = tx.statements
        apply_reports(tx, team_id, reports, now=NOW + now)
        heard(tx, team_id, [id_ for id_, one in devices.items() if one.has_lapsed(NOW + now)], now=NOW + now)
        statements = tx.statements - before
        renew_leases(tx, team_id, devices, now=NOW + now)
        return statements

    return db.write_now(verb)


def swept(db: Database, now: int) -> int:
    """Sweep at so many milliseconds after NOW; return how many devices were looked at, of all teams."""
    db.write_now(prepare_sweep)
    looked = 0
    while batch := db.write_now(lambda tx: sweep(tx, now=NOW + now, settle=SETTLE)):
        looked += batch
        assert looked < 100_000, "the sweeper finds the same devices again and again"
    return looked


def shown(db: Database, team_id: int, now: int) -> list[LiveDevice]:
    """Return what is shown of every device at so many milliseconds after NOW."""
    page = db.read_now(lambda tx: live_page(tx, team_id, LiveFilter(), skip=0, take=1000, now=NOW + now))
    return page.devices


def states(db: Database, team_id: int, now: int) -> list[tuple[str, int]]:
    """Return state and since when, in milliseconds after NOW, of every device."""
    return [(one.state, one.since - NOW) for one in shown(db, team_id, now)]


def presence_of(db: Database, team_id: int) -> list[tuple[Any, ...]]:
    """Return what the rows of presence say, apart from when the server took it in."""
    rows = db.read_now(lambda tx: tx.all(_presence, {"team": team_id}))
    return [tuple(bytes(value) if value.__class__.__name__ == "Raw" else value for value in row) for row in rows]


def transitions_of(db: Database, team_id: int) -> list[tuple[Any, ...]]:
    """Return (device, milliseconds after NOW, event id, state, reason, source) of every transition."""
    rows = db.read_now(lambda tx: tx.all(_transitions, {"team": team_id}))
    return [(device_id, at - NOW, *rest) for device_id, at, *rest in rows]


def told_of(db: Database, team_id: int) -> list[tuple[str, str | None, str]]:
    """Return (device, from, to) of each event that told of a state, in the order they were published."""
    rows = db.read_now(lambda tx: tx.all(_told, {"team": team_id}))
    return [(subject, payload["from"], payload["to"]) for subject, payload in rows]


def seq_of(db: Database, team_id: int) -> int:
    """Return the team's newest number."""
    return db.read_now(lambda tx: head_of(tx, team_id))
