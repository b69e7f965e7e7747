"""A process of several threads that write a ledger and die at a chosen step; `kill_writers` keeps starting it."""

from __future__ import annotations

import os
import threading
from functools import partial

from callfloor.foundation.database import open_database
from callfloor.foundation.ids import new_id
from tests.fault.killing import DeadlyDatabase, Doom
from tests.support.ledger import AddEntry, add_entry

THREADS = 6
TEAM = 1
STEPS = ("add_entry: inside", "add_entry: after")


def write(url: str, acknowledged: str, doom: Doom, _seed: int) -> None:
    """Add entries on several threads until killed; the id of each acknowledged one is appended to the file."""
    db = DeadlyDatabase(open_database(url), doom)
    file = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def add() -> None:
        while True:
            id_ = new_id()
            db.write_now(partial(add_entry, command=AddEntry(TEAM, id_)))
            os.write(file, f"{id_}\n".encode())

    threads = [threading.Thread(target=add) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
