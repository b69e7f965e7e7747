"""What the programs that kill have in common: their command line, their course, their table."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import text

from callfloor.foundation.database import Database
from tests.fault.killing import Crew, pause, preload, print_table

SETTLE_SECONDS = 60.0


def run_asked(description: str | None, worker: str, trial: Callable[..., bool]) -> int:
    """Run the trial of the command line, whose processes run the module `worker`; return the program's exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--database", required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    preload(worker)
    return 0 if trial(asked.database, kills=asked.kills, seed=asked.seed) else 1


def kill_until(is_over: Callable[[], bool], crews: Sequence[Crew], work: Callable[[], object]) -> None:
    """Keep the crews at work, and have them killed, until it is over; then end them."""
    while not is_over():
        for crew in crews:
            crew.tend(at=time.monotonic())
        work()
    for crew in crews:
        crew.end()


def let_end(crew: Crew, is_done: Callable[[], bool], *, places: int) -> None:
    """Have processes that nobody kills do what is left; those that do not get there in time are ended, too."""
    for _ in range(places):
        crew.add_immortal()
    until = time.monotonic() + SETTLE_SECONDS
    while not is_done() and time.monotonic() < until:
        pause(0.02)
    crew.end()


def damage_of(db: Database) -> str:
    """Return what SQLite finds wrong with its file, or that there is none."""
    verdict = "ok" if db.name != "sqlite" else str(db.read_now(lambda tx: tx.all(text("PRAGMA integrity_check")))[0][0])
    return "none" if verdict == "ok" else verdict


def print_trial(db: Database, began: float, crews: Mapping[str, Crew], rows: Sequence[tuple[str, object]]) -> None:
    """Print who was killed how often at which step, and what was found; `crews` by what stands before `killed at`."""
    kills = sum(crew.kills.total() for crew in crews.values())
    killed = [
        (f"{who}killed at {step}", count) for who, crew in crews.items() for step, count in sorted(crew.kills.items())
    ]
    print_table(f"{db.name}: {kills} kills in {time.monotonic() - began:.0f} s", [*killed, *rows])
