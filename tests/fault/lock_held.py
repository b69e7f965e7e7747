"""Hold the write lock from another process, and see that reads go on and that nobody waits twice.

    python -m tests.fault.lock_held --database URL

The lock is held for 2 s beside paced reads: the goal is a worst read under 50 ms. Then, on SQLite, for longer than a
writer is patient, with 30 writes waiting: all are refused together, not one after the other. Prints one table; ends
with 1 when a write is lost or a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from functools import partial

from callfloor.foundation.database import Busy, Database, open_database
from callfloor.foundation.ids import new_id
from tests.fault.killing import print_table
from tests.fault.pacing import described, paced_reads
from tests.support.ledger import AddEntry, add_entry, create_ledger, ledger_of

TEAM = 1
HELD_SECONDS = 2.0
WORST_READ_MS = 50.0
IMPATIENT_WRITES = 30
LONGEST_REFUSAL_SECONDS = 13.0
"""A writer is patient for 5 s; the first write forms a group of its own, the others the next."""


def holder(url: str) -> subprocess.Popen[str]:
    """Start a process that holds the lock; returns once it does."""
    command = [sys.executable, "-m", "tests.support.ledger", "hold", url, str(TEAM)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


async def reads_beside_the_lock(db: Database, url: str) -> list[float]:
    """Return the milliseconds of reads while another process holds the lock and a write waits for it."""
    process = await asyncio.to_thread(holder, url)
    write = asyncio.create_task(db.write(partial(add_entry, command=AddEntry(TEAM, new_id()))))
    end = time.monotonic() + HELD_SECONDS
    taken = await paced_reads(db, team_id=TEAM, until=lambda: time.monotonic() > end)
    await asyncio.to_thread(process.communicate, "commit\n")
    await write
    return taken


async def refusals_behind_the_lock(db: Database, url: str) -> tuple[int, float]:
    """Return how many writes were refused while the lock was not given back, and after how many seconds the last."""
    process = await asyncio.to_thread(holder, url)
    began = time.monotonic()
    writes = [db.write(partial(add_entry, command=AddEntry(TEAM, new_id()))) for _ in range(IMPATIENT_WRITES)]
    answers = await asyncio.gather(*writes, return_exceptions=True)
    waited = time.monotonic() - began
    await asyncio.to_thread(process.communicate, "commit\n")
    return sum(isinstance(answer, Busy) for answer in answers), waited


async def trial(url: str) -> bool:
    """Run both parts; return whether the goals are met."""
    db = open_database(url)
    # The first read opens what reads need.
    await paced_reads(db, team_id=TEAM, until=iter([False, True]).__next__)
    taken = await reads_beside_the_lock(db, url)
    rows = [(f"lock held {HELD_SECONDS:.0f} s: {len(taken)} reads", described(taken))]
    met, expected = max(taken) < WORST_READ_MS, 2
    if db.name == "sqlite":
        refused, waited = await refusals_behind_the_lock(db, url)
        rows.append(
            (f"lock not given back: {refused} of {IMPATIENT_WRITES} writes refused", f"the last after {waited:.1f} s")
        )
        met = met and refused == IMPATIENT_WRITES and waited < LONGEST_REFUSAL_SECONDS
        expected += 1
    ids, total = await db.report(partial(ledger_of, team_id=TEAM))
    await db.close()
    rows.append(("entries, total", f"{len(ids)}, {total}"))
    print_table(f"{db.name}: {'goals met' if met else 'GOALS MISSED'}", rows)
    return met and len(ids) == total == expected


def main() -> int:
    """Run the trial of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    asked = parser.parse_args()
    create_ledger(asked.database)
    return 0 if asyncio.run(trial(asked.database)) else 1


if __name__ == "__main__":
    sys.exit(main())
