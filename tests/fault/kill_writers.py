"""Kill writers with SIGKILL inside and after their commits, and see that nothing acknowledged is lost.

    python -m tests.fault.kill_writers --database URL [--kills 200] [--seed 1]

Several processes of several threads write one ledger, so that commits are grouped and processes wait for each other.
The database must not be used by anything else. Prints one table; ends with 1 when an acknowledged entry is lost, a
total is wrong, or the file is damaged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import text

from callfloor.foundation.database import open_database
from tests.fault import ledger_writer
from tests.fault.killing import Crew, pause, preload, print_table
from tests.support.ledger import create_ledger, ledger_of

PLACES = 3


def trial(url: str, *, kills: int, seed: int) -> bool:
    """Kill as often as asked; return whether everything is there."""
    began = time.monotonic()
    create_ledger(url)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "acknowledged"
        file.touch()
        write, random = partial(ledger_writer.write, url, str(file)), Random(seed)  # noqa: S311  # when to kill
        crew = Crew(write, places=PLACES, steps=ledger_writer.STEPS, random=random)
        while crew.kills.total() < kills:
            crew.tend(at=time.monotonic())
            pause(0.005)
        crew.end()
        acknowledged = set(file.read_text().split())
    db = open_database(url)
    ids, total = db.read_now(partial(ledger_of, team_id=ledger_writer.TEAM))
    intact = "ok"
    if db.name == "sqlite":
        intact = str(db.read_now(lambda tx: tx.all(text("PRAGMA integrity_check")))[0][0])
    db.close_now()
    print_table(
        f"{db.name}: {crew.kills.total()} kills in {time.monotonic() - began:.0f} s",
        [
            *((f"killed at {step}", count) for step, count in sorted(crew.kills.items())),
            ("entries acknowledged", len(acknowledged)),
            ("entries in the database", len(ids)),
            ("acknowledged and lost", len(acknowledged - ids)),
            ("total kept", total),
            ("integrity", intact),
        ],
    )
    return acknowledged <= ids and total == len(ids) and intact == "ok"


def main() -> int:
    """Run the trial of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    preload("tests.fault.ledger_writer")
    return 0 if trial(asked.database, kills=asked.kills, seed=asked.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
