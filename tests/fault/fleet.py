"""Let a simulated fleet tell a server that is killed and cut off, and add up once more what it then shows.

    python -m tests.fault.fleet --database URL [--devices 300] [--hours 10] [--speed 300] [--kills 3]

The server is killed -9 in mid-work, evenly over the simulated hours, and the network is cut for one of them. Prints
one table; ends with 1 when a call is lost or counted twice, a sum differs by a second, or a device is shown in another
state than the newest that was told. DuckDB adds the calls up, from the fleet's own lines and from the server's records.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.fault.fleet_recount import Recount, recounted
from tests.fault.killing import print_table
from tests.support.fleet import Kept, Place, Row, kept

CUT_HOURS = 1.0
PATIENCE = 20.0
"""How much longer than asked the fleet may take on a slow machine."""


def trial(url: str, asked: argparse.Namespace) -> bool:
    """Let the fleet live; return whether everything was counted once."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), url, devices=asked.devices)
        place.start()
        try:
            summary = live(place, asked)
            told = time.monotonic()
            truth = recounted(Path(folder) / "truth")
            report = place.reported(truth.first_day, truth.last_day)
            shown = time.monotonic()
        finally:
            place.stop()
        db = place.opened()
        found = kept(db, Path(folder) / "records")
        db.close_now()
        records = recounted(Path(folder) / "records")
    wrong = differences(summary, truth, records, report, found)
    figures = summary["figures"]
    print_table(
        f"{db.name}: {asked.devices} devices, {asked.hours:g} simulated hours in {told - began:.0f} s",
        [
            ("speed reached", f"{summary['speed']:.0f} of {asked.speed:g}"),
            ("states and calls acknowledged", figures["states"] + figures["calls"] + figures["corrections"]),
            ("calls, corrected", f"{figures['calls']}, {figures['corrections']}"),
            ("log-ins, heartbeats", f"{figures['log_ins']}, {figures['heartbeats']}"),
            ("requests, failed for a time", f"{figures['requests']}, {figures['failures']}"),
            ("events sent twice and known", figures["duplicates"]),
            ("server killed", place.kills),
            ("network cut, simulated hours", CUT_HOURS),
            ("rows of the report, read in s", f"{len(report)}, {shown - told:.0f}"),
            *wrong.items(),
        ],
    )
    return place.kills == asked.kills and not any(wrong.values())


def live(place: Place, asked: argparse.Namespace) -> dict[str, Any]:
    """Run the fleet, and kill the server under it; return the fleet's summary."""
    patience = asked.hours * 3600 / asked.speed * PATIENCE + 300
    simulation = place.simulation(
        *("--hours", str(asked.hours), "--speed", str(asked.speed), "--connections", str(asked.connections)),
        *("--cut-after", str(asked.hours * 0.3), "--cut-hours", str(CUT_HOURS)),
        *("--truth", str(place.folder / "truth")),
    )
    try:
        for number in range(asked.kills):
            until = asked.hours * (number + 0.5) / asked.kills
            simulation.wait_until(until, patience)
            place.kill()
            place.start()
        return simulation.summary(patience)
    finally:
        simulation.end()


def differences(
    summary: dict[str, Any], truth: Recount, records: Recount, report: set[Row], found: Kept
) -> dict[str, int]:
    """Return how many of each kind there are; all are 0 when everything was counted once."""
    figures = summary["figures"]
    daily = {row for row in truth.rows if row[1] == "daily"}
    return {
        "calls lost or too many": abs(truth.calls - records.calls),
        "revisions lost or too many": abs(truth.revisions - found.call_events)
        + abs(truth.revisions - figures["calls"] - figures["corrections"]),
        "states lost or too many": abs(figures["states"] - found.state_events)
        + abs(figures["states"] - found.transitions),
        "records against the fleet's own": len(truth.rows ^ records.rows),
        "the report against the fleet's own": len(truth.rows ^ report),
        "sums of days against the records": len({row for row in records.rows if row[1] == "daily"} ^ found.days),
        "sums of days against the fleet's own": len(daily ^ found.days),
        "devices in a wrong state": len(found.wrong_states),
        "events refused, or never sent": figures["rejected"] + figures["waiting"] + sum(figures["ended"].values()),
    }


def main() -> int:
    """Run the trial of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--speed", type=float, default=300.0)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    asked = parser.parse_args()
    return 0 if trial(asked.database, asked) else 1


if __name__ == "__main__":
    sys.exit(main())
