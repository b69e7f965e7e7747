"""A small simulated fleet tells a server that is killed, over a network that is cut: all of it counts once."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from callfloor.foundation.clock import DAY
from callfloor.usage.calendar import day_of, number_of_date
from callfloor.usage.records import Features, FinishedCall
from tests.support.fleet import CADENCES, FEATURES, KINDS, Place, Row, kept
from tests.usage.plain import newest, recounted

DEVICES = 20
PATIENCE_SECONDS = 200.0

pytestmark = pytest.mark.timeout(500)
"""Many processes are started, each of which takes seconds on a busy machine."""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A data folder that is empty, for SQLite or PostgreSQL."""
    url = request.getfixturevalue("postgres_template").fresh_url() if request.param == "postgresql" else None
    return Place(tmp_path, url, devices=DEVICES, options=("--no-worker",))


def test_each_call_of_a_fleet_counts_once_through_kills_and_a_cut_network(place: Place, tmp_path: Path) -> None:
    truth, records = tmp_path / "truth", tmp_path / "records"
    options = ("--hours", "3", "--speed", "900", "--cut-after", "1", "--cut-hours", "1", "--truth", str(truth))
    place.start()
    try:
        fleet = place.simulation(*options)
        try:
            for hours in (0.2, 2.2):
                fleet.wait_until(hours, PATIENCE_SECONDS)
                place.kill()
                fleet.wait_for_a_failure(PATIENCE_SECONDS)
                place.start()
            told = fleet.summary(PATIENCE_SECONDS)
        finally:
            fleet.end()
        calls = calls_of(truth)
        first, last = told["simulated_from"][:10], told["simulated_to"][:10]
        report = place.reported(first, last)
    finally:
        place.stop()
    db = place.opened()
    found = kept(db, records)
    db.close_now()

    figures, by_hand = told["figures"], rows_of(calls)
    assert place.kills == 2
    assert figures["failures"] > 0
    assert (figures["rejected"], figures["waiting"], figures["ended"]) == (0, 0, {})
    assert found.devices == DEVICES
    assert len(calls) == figures["calls"] + figures["corrections"] > 100
    assert len(calls_of(records)) == len(newest(calls))
    assert (found.call_events, found.state_events) == (len(calls), figures["states"])
    assert found.transitions == figures["states"]
    assert found.wrong_states == []
    assert rows_of(calls_of(records)) == by_hand == report
    assert found.days == {row for row in by_hand if row[1] == "daily"}


def calls_of(lines: Path) -> list[FinishedCall]:
    """Return the calls of a file, at the beginning of their days; a device has the number of its hostname."""
    calls = []
    for told in map(json.loads, lines.read_text().splitlines()):
        call, number = told["call"], int(told["hostname"].rpartition("-")[2])
        started_at = number_of_date(datetime.date.fromisoformat(call["started_at"][:10])) * DAY
        facts = (call["revision"], "", call["language"], started_at, started_at)
        seconds = call["mic_seconds"], call["speaker_seconds"]
        features = Features(*(call["features"][name] for name in FEATURES))
        calls.append(FinishedCall(number, told["username"], None, call["call_id"], *facts, *seconds, features))
    return calls


def rows_of(calls: list[FinishedCall]) -> set[Row]:
    """Return the whole report, counted call by call."""
    days = [day_of(call.started_at) for call in calls]
    rows: set[Row] = set()
    for kind in KINDS:
        for cadence in CADENCES:
            for start, _, group, sums in recounted(calls, kind, min(days), max(days), cadence):
                rows.add((kind, cadence, start, f"SIM1-{group:05}" if kind == "device" else str(group), sums))
    return rows
