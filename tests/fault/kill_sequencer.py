"""Kill writers and sequencers with SIGKILL, and see that a reader that only follows `seq` gets every event.

    python -m tests.fault.kill_sequencer --database URL [--kills 200] [--seed 1]

Eight writers, two sequencers, one reader. The database must be migrated and not be used by anything else. Prints one
table; ends with 1 when the reader missed an event, saw one twice or saw a gap, or an acknowledged one is not there.
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from random import Random

from sqlalchemy import text

from callfloor.foundation.database import Tx, open_database
from callfloor.foundation.outbox import OUTBOX, events_after
from callfloor.foundation.sequence import number_waiting, prepare
from tests.fault import event_writer
from tests.fault.killing import Crew, pause
from tests.fault.trials import kill_until, print_trial, run_asked

WRITERS = 8
SEQUENCERS = 2


class Reader:
    """Follows the numbers and nothing else."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.gaps = 0

    def follow(self, tx: Tx) -> bool:
        """Read what is next; returns whether there was any."""
        page = events_after(tx, len(self.ids))
        self.gaps += [each.seq for each in page] != list(range(len(self.ids) + 1, len(self.ids) + 1 + len(page)))
        self.ids += [each.event.id for each in page]
        return bool(page)


def all_ids(tx: Tx) -> list[str]:
    """Return the ids of all events, numbered or not."""
    return [id_ for (id_,) in tx.all(text("SELECT id FROM outbox_event"))]


def trial(url: str, *, kills: int, seed: int) -> bool:
    """Run one trial; returns whether all is well."""
    began = time.monotonic()
    random = Random(seed)  # noqa: S311  # a seed makes a run again
    db, reader = open_database(url), Reader()

    def follow() -> None:
        db.read_now(reader.follow)
        pause(0.005)

    with tempfile.TemporaryDirectory() as folder:
        acknowledged = Path(folder) / "acknowledged"
        writers = Crew(
            partial(event_writer.write, url, str(acknowledged)),
            places=WRITERS,
            steps=event_writer.WRITER_STEPS,
            random=random,
        )
        sequencers = Crew(
            partial(event_writer.number, url), places=SEQUENCERS, steps=event_writer.SEQUENCER_STEPS, random=random
        )
        kill_until(
            lambda: writers.kills.total() + sequencers.kills.total() >= kills and bool(sequencers.kills),
            [writers, sequencers],
            follow,
        )
        acked = set(acknowledged.read_text().split())
    db.write_now(partial(prepare, what=OUTBOX))
    number_waiting(db, OUTBOX)
    while db.read_now(reader.follow):
        pass
    written = db.read_now(all_ids)
    db.close_now()
    missed, lost = set(written) - set(reader.ids), acked - set(written)
    twice = len(reader.ids) - len(set(reader.ids))
    print_trial(
        db,
        began,
        {"writer ": writers, "sequencer ": sequencers},
        [
            ("events in the database", len(written)),
            ("events acknowledged to a writer", len(acked)),
            ("acknowledged and lost", len(lost)),
            ("events the reader got", len(reader.ids)),
            ("missed by the reader", len(missed)),
            ("got twice", twice),
            ("gaps seen", reader.gaps),
        ],
    )
    return not (missed or lost or twice or reader.gaps) and set(reader.ids) == set(written)


if __name__ == "__main__":
    sys.exit(run_asked(__doc__, event_writer.__name__, trial))
