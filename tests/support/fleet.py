"""A server with a simulated fleet: killed and started again under it, then asked what it counted and kept."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, select

from callfloor.devices.tables import device
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Database, Tx, open_database
from callfloor.ingest.tables import agent_event
from callfloor.live.tables import Source, presence, transition
from callfloor.usage.calendar import date_of
from callfloor.usage.groups import number_of
from callfloor.usage.tables import SUMS, GroupKind, call_record, usage_day
from tests.factories.devices import make_device_team
from tests.factories.teams import make_portal_key
from tests.support.server import Server, environment, running_server

SETTINGS = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "1000000"}
KINDS = ("username", "device", "language")
CADENCES = ("daily", "weekly", "monthly")
FEATURES = SUMS[3:]

Row = tuple[str, str, str, str, tuple[int, ...]]
"""Kind, cadence, first day of the period, name of the group; calls and seconds, in the order of `SUMS`."""


class Place:
    """The data of a server, which may run or not; always on the same port once it ran."""

    def __init__(self, folder: Path, database_url: str | None, *, devices: int, options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.server: Server | None = None
        self.kills = 0
        self._data = folder / "data"
        self._database_url = database_url
        self._devices = devices
        self._options = options
        self._port = 0
        self._key = ("", "")
        self._life = contextlib.ExitStack()

    @property
    def secret_file(self) -> Path:
        """Return the file with the team's secret."""
        return self.folder / "team.secret"

    def start(self) -> None:
        """Start the server; the first time, make the team."""
        options = (*self._options, "--port", str(self._port))
        run = running_server(self._data, *options, database_url=self._database_url, settings=SETTINGS)
        self.server = self._life.enter_context(run)
        self._port = self.server.port
        if not self.secret_file.exists():
            self._furnish()

    def kill(self) -> None:
        """End it as by kill -9."""
        assert self.server is not None
        self.server.process.kill()
        self.kills += 1
        self._life.close()

    def stop(self) -> None:
        """Stop it."""
        self._life.close()

    def _furnish(self) -> None:
        db, hash_key = self.opened(), (self._data / "secret.key").read_bytes().strip()
        team = make_device_team(db, seats=self._devices, hash_key=hash_key)
        key = make_portal_key(db, team.team, hash_key=hash_key)
        db.close_now()
        self._key = key.name, key.secret
        self.secret_file.write_text(team.secret)

    def opened(self) -> Database:
        """Return its database."""
        return open_database(self._database_url or f"sqlite:///{self._data / 'callfloor.db'}")

    def simulation(self, *options: str) -> Simulation:
        """Start a fleet that tells this server."""
        assert self.server is not None
        return Simulation(
            ("--json", "--devices", str(self._devices), *options),
            {
                "CALLFLOOR_AGENT_SERVER": self.server.url,
                "CALLFLOOR_AGENT_CA_FILE": str(self.server.authority),
                "CALLFLOOR_AGENT_TEAM_SECRET_FILE": str(self.secret_file),
                "CALLFLOOR_AGENT_RETRY_LONGEST_SECONDS": "5",
            },
        )

    def reported(self, first: str, last: str) -> set[Row]:
        """Return every row of the usage report of these days."""
        assert self.server is not None
        rows: set[Row] = set()
        with self.server.client(auth=self._key) as client:
            for kind in KINDS:
                for cadence in CADENCES:
                    asked = {"group_by": kind, "cadence": cadence, "from": first, "to": last, "perPage": "100"}
                    rows |= {_row(kind, cadence, one) for one in _pages(client, asked)}
        return rows


class Simulation:
    """A fleet in a process."""

    def __init__(self, options: tuple[str, ...], settings: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "callfloor_agent", "simulate", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(settings),
        )
        self.lines: list[str] = []
        self._is_over = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_until(self, hours: float, seconds: float) -> None:
        """Wait until so many simulated hours have passed.

        Raises:
            AssertionError: it came to its end, or the seconds passed.
        """
        self._wait_for(lambda told: told["simulated_hours"] >= hours, seconds)

    def wait_for_a_failure(self, seconds: float) -> None:
        """Wait until a request has failed that had not before.

        Raises:
            AssertionError: as `wait_until`.
        """
        known = self._told()["failures"]
        self._wait_for(lambda told: told["failures"] > known, seconds)

    def _told(self) -> dict[str, Any]:
        told = [line for line in self.lines if line.startswith("{")]
        return msgspec.json.decode(told[-1], type=dict[str, Any]) if told else {}

    def _wait_for(self, has_come: Callable[[dict[str, Any]], bool], seconds: float) -> None:
        def is_there() -> bool:
            told = self._told()
            return bool(told) and has_come(told)

        with self._changed:
            self._changed.wait_for(lambda: self._is_over or is_there(), seconds)
            assert is_there(), "".join(self.lines[-20:])

    def summary(self, seconds: float) -> dict[str, Any]:
        """Wait for its end; return what it tells then."""
        assert self._process.stdout is not None
        self._process.wait(seconds)
        told = self._process.stdout.read()
        assert self._process.returncode == 0, "".join(self.lines[-20:])
        return msgspec.json.decode(told, type=dict[str, Any])

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()


class Kept(msgspec.Struct):
    """What a database has of a fleet, its server stopped."""

    days: set[Row]
    """Of the sums of days."""
    call_events: int
    state_events: int
    transitions: int
    devices: int
    wrong_states: list[str]
    """Hostnames whose last state is not the newest that was told."""


def kept(db: Database, records: Path) -> Kept:
    """Return what is kept, and write the calls to a file: the same lines as a simulation's truth."""
    hostnames = dict(db.read_now(lambda tx: tx.all(select(device.c.id, device.c.hostname))))
    with records.open("wb") as file:
        for line in db.read_now(lambda tx: list(_records(tx, hostnames))):
            file.write(line)
    counted = db.read_now(_events)
    shown = dict(db.read_now(lambda tx: tx.all(select(presence.c.device_id, presence.c.state))))
    return Kept(
        days={_day(row, hostnames) for row in db.read_now(lambda tx: tx.all(select(usage_day)))},
        call_events=counted["call"],
        state_events=counted["state"],
        transitions=counted["transitions"],
        devices=len(hostnames),
        wrong_states=[
            hostnames[id_]
            for id_, (_, content) in counted["newest"].items()
            if json.loads(content)["state"] != shown.get(id_)
        ],
    )


def _records(tx: Tx, hostnames: Mapping[int, str]) -> Iterator[bytes]:
    c = call_record.c
    columns = (c.device_id, c.username, c.call_id, c.revision, c.language, c.started_at, c.ended_at)
    for row in tx.all(select(*columns, c.mic_seconds, c.speaker_seconds, *(c[name] for name in FEATURES))):
        call = {
            **dict(zip(("call_id", "revision", "language"), row[2:5], strict=True)),
            "started_at": iso(row[5]),
            "ended_at": iso(row[6]),
            "mic_seconds": row[7],
            "speaker_seconds": row[8],
            "features": dict(zip(FEATURES, row[9:], strict=True)),
        }
        yield msgspec.json.encode({"hostname": hostnames[row[0]], "username": row[1], "call": call}) + b"\n"


def _events(tx: Tx) -> dict[str, Any]:
    c = agent_event.c
    counts = {"call": 0, "state": 0, **dict(tx.all(select(c.kind, func.count()).group_by(c.kind)))}
    told = select(func.count()).select_from(transition).where(transition.c.source == Source.AGENT.value)
    last = select(c.device_id, func.max(c.at).label("at")).where(c.kind == "state").group_by(c.device_id).subquery()
    newest = select(c.device_id, c.event_id, c.content).join_from(
        agent_event, last, (c.device_id == last.c.device_id) & (c.at == last.c.at) & (c.kind == "state")
    )
    states: dict[int, tuple[str, str]] = {}
    for id_, event_id, content in tx.all(newest):
        states[id_] = max(states.get(id_, ("", "")), (event_id, content))
    return {**counts, "transitions": tx.all(told)[0][0], "newest": states}


def _day(row: Any, hostnames: Mapping[int, str]) -> Row:
    _, kind, day, group, *sums = row
    name = hostnames[number_of(group)] if kind == GroupKind.DEVICE else group
    return kind, "daily", date_of(day).isoformat(), name, tuple(sums[: len(SUMS)])


def _pages(client: Any, asked: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    page, seen, total = 1, 0, 1
    while seen < total:
        answer = client.get("/api/v1/analytics/usage", params={**asked, "page": str(page)})
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        total, page, seen = data["count"], page + 1, seen + len(data["rows"])
        assert data["rows"] or not total
        yield from data["rows"]


def _row(kind: str, cadence: str, row: Mapping[str, Any]) -> Row:
    features = tuple(row["features"][name] for name in FEATURES)
    sums = (row["calls"], row["mic_call_duration"], row["speaker_call_duration"], *features)
    return kind, cadence, row["period_start"], row["group"]["name"], sums
