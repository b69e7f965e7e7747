"""A writer and a sequencer of events that die at a chosen step; `kill_sequencer` starts them again and again."""

from __future__ import annotations

import os
from functools import partial
from random import Random

from callfloor.foundation.database import Tx, open_database
from callfloor.foundation.outbox import OUTBOX, Event, publish
from callfloor.foundation.sequence import Sequencer
from tests.fault.killing import DeadlyDatabase, Doom, pause

WRITER_STEPS = ("publish_slowly: inside", "publish_slowly: after")
SEQUENCER_STEPS = ("number_batch: inside", "number_batch: after", "prepare: inside")
LONGEST_DELAY_SECONDS = {"sqlite": 0.002, "postgresql": 0.03}


def publish_slowly(tx: Tx, *, event: Event, before: float, after: float) -> None:
    """Publish with delays around the insert, so that commits overtake each other."""
    pause(before)
    publish(tx, event)
    pause(after)


def write(url: str, acknowledged: str, doom: Doom, seed: int) -> None:
    """Publish until killed; the id of each event that was acknowledged is appended to the file."""
    random = Random(seed)  # noqa: S311  # makes delays
    db = DeadlyDatabase(open_database(url), doom)
    longest = LONGEST_DELAY_SECONDS[db.name]
    file = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        event = Event(kind="row.written", team_id=None, subject=str(os.getpid()), payload={}, at=0)
        before, after = random.uniform(0, longest), random.uniform(0, longest)
        db.write_now(partial(publish_slowly, event=event, before=before, after=after))
        os.write(file, f"{event.id}\n".encode())
        pause(random.uniform(0, 0.01))


def number(url: str, doom: Doom, _seed: int) -> None:
    """Number until killed."""
    Sequencer(DeadlyDatabase(open_database(url), doom), [OUTBOX], poll_seconds=0.005).run()
