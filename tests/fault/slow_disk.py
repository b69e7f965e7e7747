"""Slow every fsync to 8 ms, and see that reads stay quick beside writers.

    python -m tests.fault.slow_disk --database URL

Needs a C compiler: fsync is slowed by a small preloaded library, in a process of its own. Only SQLite writes in our
process, so another database is passed over. The goal: of reads every 5 ms, 99 of 100 under 20 ms. Prints one table;
ends with 1 when the goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from callfloor.foundation.database import Database, open_database
from callfloor.foundation.ids import new_id
from tests.fault.killing import print_table
from tests.fault.pacing import described, paced_reads, share_of
from tests.support.ledger import AddEntry, add_entry, create_ledger, ledger_of

TEAM = 1
WRITERS = 16
SECONDS = 5.0
QUICK_MS = 20.0
SLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int fsync(int fd) { usleep(8000); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { usleep(8000); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


async def reads_beside_writers(db: Database) -> tuple[list[float], int]:
    """Return the milliseconds of the reads, and how many writes were acknowledged meanwhile."""
    end = time.monotonic() + SECONDS
    written = 0

    async def write() -> None:
        nonlocal written
        while time.monotonic() < end:
            await db.write(partial(add_entry, command=AddEntry(TEAM, new_id())))
            written += 1

    writers = [asyncio.create_task(write()) for _ in range(WRITERS)]
    taken = await paced_reads(db, team_id=TEAM, until=lambda: time.monotonic() > end)
    await asyncio.gather(*writers)
    return taken, written


async def trial(url: str) -> bool:
    """Run the trial in this process, whose fsync is slow by now; return whether the goal is met."""
    db = open_database(url)
    taken, written = await reads_beside_writers(db)
    ids, total = await db.report(partial(ledger_of, team_id=TEAM))
    await db.close()
    met = share_of(taken, 0.99) < QUICK_MS
    rows = [
        (f"{len(taken)} reads beside {WRITERS} writers", described(taken)),
        ("writes a second", f"{written / SECONDS:.0f}"),
        ("entries, total", f"{len(ids)}, {total}"),
    ]
    print_table(f"{db.name}, fsync takes 8 ms: {'goal met' if met else 'GOAL MISSED'}", rows)
    return met and len(ids) == total == written


def slowed(url: str) -> int:
    """Run this program again with a slow fsync; return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "slow.c", Path(folder) / "slow.so"
        source.write_text(SLOW)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        command = [sys.executable, "-m", "tests.fault.slow_disk", "--database", url, "--inside"]
        return subprocess.run(command, env={**os.environ, "LD_PRELOAD": str(library)}, check=False).returncode


def main() -> int:
    """Run the trial of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.database.startswith("sqlite:"):
        return 0
    if asked.inside:
        return 0 if asyncio.run(trial(asked.database)) else 1
    create_ledger(asked.database)
    return slowed(asked.database)


if __name__ == "__main__":
    sys.exit(main())
