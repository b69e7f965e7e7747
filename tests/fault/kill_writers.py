"""Kill writers with SIGKILL inside and after their commits, and see that nothing acknowledged is lost.

    python -m tests.fault.kill_writers --database URL [--kills 200] [--seed 1]

Several processes of several threads write one ledger, so that commits are grouped and processes wait for each other.
The database must not be used by anything else. Prints one table; ends with 1 when an acknowledged entry is lost, a
total is wrong, or the file is damaged.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random

from callfloor.foundation.database import open_database
from tests.fault import ledger_writer
from tests.fault.killing import Crew, pause
from tests.fault.trials import damage_of, kill_until, print_trial, run_asked
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
        kill_until(lambda: crew.kills.total() >= kills, [crew], lambda: pause(0.005))
        acknowledged = set(file.read_text().split())
    db = open_database(url)
    ids, total = db.read_now(partial(ledger_of, team_id=ledger_writer.TEAM))
    damage = damage_of(db)
    db.close_now()
    print_trial(
        db,
        began,
        {"": crew},
        [
            ("entries acknowledged", len(acknowledged)),
            ("entries in the database", len(ids)),
            ("acknowledged and lost", len(acknowledged - ids)),
            ("total kept", total),
            ("damage to the file", damage),
        ],
    )
    return acknowledged <= ids and total == len(ids) and damage == "none"


if __name__ == "__main__":
    sys.exit(run_asked(__doc__, ledger_writer.__name__, trial))
