"""Several processes on one database: writers wait, readers do not; a killed one loses nothing it said."""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from callfloor.foundation.database import Database, open_database
from tests.support.ledger import AddEntry, add_entry, ids_of_team, ledger_of

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 60
TEAM = 1


@contextlib.contextmanager
def other_process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the ledger's program; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.support.ledger", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """Return what is left of the process's output, once it has ended."""
    output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    return output.splitlines()


def test_reads_answer_while_another_process_holds_the_lock(ledger_url: str) -> None:
    with other_process("hold", ledger_url, str(TEAM)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        async def read_while_a_write_waits() -> tuple[list[tuple[str]], bool, int]:
            db = open_database(ledger_url, strict_reads=True)
            write = asyncio.ensure_future(db.write(partial(add_entry, command=AddEntry(TEAM, "mine"))))
            for _ in range(100):
                rows = await db.read(ids_of_team, {"team_id": TEAM})
                await asyncio.sleep(0)
            was_waiting = not write.done()
            await asyncio.to_thread(holder.communicate, "commit\n", DEADLINE_SECONDS)
            total = await asyncio.wait_for(write, DEADLINE_SECONDS)
            await db.close()
            return rows, was_waiting, total

        assert asyncio.run(read_while_a_write_waits()) == ([], True, 2)


def test_three_processes_write_one_database(ledger_url: str) -> None:
    arguments = ("write", ledger_url, str(TEAM), "4", "25")
    with other_process(*arguments) as one, other_process(*arguments) as two:
        db = open_database(ledger_url)
        mine = {str(i) for i in range(25)}
        for id_ in mine:
            db.write_now(partial(add_entry, command=AddEntry(TEAM, id_)))
        acknowledged = mine | set(lines_of(one)) | set(lines_of(two))

    ids, total = db.read_now(partial(ledger_of, team_id=TEAM))
    db.close_now()
    assert [one.returncode, two.returncode] == [0, 0]
    assert len(acknowledged) == 225
    assert (ids, total) == (acknowledged, 225)


@pytest.mark.parametrize("kills", [3])
def test_a_killed_process_has_lost_nothing_it_acknowledged(ledger_url: str, kills: int) -> None:
    chance = random.Random(kills)  # noqa: S311  # when to kill, no secret
    acknowledged: set[str] = set()
    for _ in range(kills):
        with other_process("write", ledger_url, str(TEAM), "8", "100000") as writer:
            assert writer.stdout is not None
            for _ in range(chance.randint(1, 400)):
                acknowledged.add(writer.stdout.readline().strip())
            writer.kill()
            acknowledged.update(lines_of(writer))

    db = open_database(ledger_url)
    ids, total = db.read_now(partial(ledger_of, team_id=TEAM))
    intact = _integrity(db)
    db.close_now()

    assert acknowledged - ids == set()
    assert total == len(ids)
    assert intact == "ok"


def _integrity(db: Database) -> str:
    if db.name == "postgresql":
        return "ok"
    return str(db.read_now(lambda tx: tx.all(text("PRAGMA integrity_check")))[0][0])
