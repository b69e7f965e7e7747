"""The live stream: what it costs a server to tell hundreds of browsers what thousands of devices do.

    python -m benchmarks.live [--database sqlite|postgresql] [--rounds 5] [--quick]

The server only tells: the changes are written by a program of their own, on the other core, whose cost is reported
beside it. In every round the browsers come, watch for a while, and leave. What counts is the server's CPU time as a
share of one core, and the memory that it has more with all the browsers than after one of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import func, select

from benchmarks import command, report
from benchmarks.ingest_data import Seeded, seed
from benchmarks.processes import LOAD_CORE, Server, ServerFailed, pinned, serving
from benchmarks.report import Goal, Row
from benchmarks.seats_data import database_server
from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.scopes import Scope
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.devices.tables import device
from callfloor.foundation import clock
from callfloor.foundation.ids import new_secret
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings

_team = select(func.min(device.c.team_id))
_MEGABYTE = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int = 5
    devices: int = 5_000
    changes_per_second: int = 2_500
    watchers: int = 300
    seconds: int = 10


QUICK = Plan(devices=500, changes_per_second=250, watchers=30, seconds=3)


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """What one round took: shares of one core, and megabytes a watcher."""

    telling: float
    writing: float
    megabytes: float


def all_rows(database: str, plan: Plan) -> list[Row]:
    """Return every row of one database."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name:
        folder = Path(name)
        with pinned(LOAD_CORE), database_server(database, folder) as url:
            report.progress(f"{database}: {plan.devices:,} devices")
            seeded, _ = seed(folder, url, plan.devices)
            headers = folder / "headers"
            headers.write_text("\n".join(_headers(seeded, plan.watchers)), encoding="ascii")
            with serving(seeded.data, seeded.database) as server:
                turns = []
                lone = folder / "lone"
                lone.write_text(headers.read_text(encoding="ascii").partition("\n")[0], encoding="ascii")
                _turn(server, seeded, lone, plan, 0)  # what one watcher costs is not another's
                resident = server.resident_bytes()
                for number in range(plan.rounds):
                    report.progress(f"{database}: round {number + 1} of {plan.rounds}, {plan.watchers} watchers")
                    turns.append(_turn(server, seeded, headers, plan, resident))
    return _rows(database, turns, plan)


def _headers(seeded: Seeded, count: int) -> list[str]:
    """Make a key for each watcher; return how they sign in."""
    services = open_services(Settings(data=seeded.data, database=SecretStr(seeded.database)))
    ((team_id,),) = services.db.read_now(lambda tx: tx.all(_team))
    secrets = [new_secret() for _ in range(count)]
    for number, secret in enumerate(secrets):
        hashed = keyed_hash(secret, key=services.settings.hash_key)
        scopes = (Scope.LIVE_READ.value,)
        command = CreateKey(team_id, KeyKind.API, f"wall {number}", hashed, OPERATOR, clock.now(), scopes=scopes)
        services.db.write_now(functools.partial(create_key, command=command))
    services.close_now()
    return [f"Bearer {secret}" for secret in secrets]


def _turn(server: Server, seeded: Seeded, headers: Path, plan: Plan, resident: int) -> Turn:
    with _watchers(server, headers) as told:
        cpu = server.cpu_seconds()
        written = _write(seeded, plan)
        cpu = server.cpu_seconds() - cpu
        more = max(0, server.resident_bytes() - resident)
    if told["ended"] or told["messages"] < plan.seconds // 2 or told["devices"] < written["changes"] // 4:
        raise ServerFailed(f"the watchers were not told: {told}, of {written}")
    seconds = written["seconds"]
    return Turn(cpu / seconds, written["cpu"] / seconds, more / _MEGABYTE / plan.watchers)


@contextlib.contextmanager
def _watchers(server: Server, headers: Path) -> Iterator[dict[str, Any]]:
    """Let the watchers watch during the block; what they were told is there after it."""
    command = [sys.executable, "-m", "benchmarks.watchers", str(server.port), str(headers)]
    told: dict[str, Any] = {}
    with (
        pinned(LOAD_CORE),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watchers,
    ):
        assert watchers.stdout is not None  # noqa: S101  # a pipe
        if watchers.stdout.readline().strip() != "watching":
            raise ServerFailed("the watchers could not watch")
        yield told
        told |= json.loads(watchers.communicate()[0])


def _write(seeded: Seeded, plan: Plan) -> dict[str, float]:
    numbers = [str(number) for number in (plan.devices, plan.changes_per_second, plan.seconds)]
    command = [sys.executable, "-m", "benchmarks.changes", seeded.database, *numbers]
    with pinned(LOAD_CORE):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerFailed(f"the changes could not be written: {done.stderr[-2000:]}")
    written: dict[str, float] = json.loads(done.stdout)
    return written


def _rows(database: str, turns: list[Turn], plan: Plan) -> list[Row]:
    what = f"{plan.changes_per_second:,} changes/s of {plan.devices:,} devices"
    told = f"{what}, told to {plan.watchers}"

    def row(of: str, against: str, unit: str, ours: tuple[float, ...], whole: float, goal: Goal | None) -> Row:
        rest = (whole,) * len(ours)
        return Row(of, database, against, unit, ours, rest, tuple(one / whole for one in ours), goal)

    percent = tuple(100 * one.telling for one in turns)
    writing = tuple(100 * one.writing for one in turns)
    kilobytes = tuple(1000 * one.megabytes for one in turns)
    return [
        row(told, "one core", "CPU %", percent, 100, Goal(at_most=0.10)),
        row(f"{told}, memory", "0.1 MB a watcher", "kB", kilobytes, 100, Goal(at_most=1.0)),
        row(f"{what}, written", "one core", "CPU %", writing, 100, None),
    ]


def main() -> int:
    """Measure and print."""
    return command.run(
        "live", "The live stream: devices that change, browsers that watch.", all_rows, full=Plan(), quick=QUICK
    )


if __name__ == "__main__":
    sys.exit(main())
