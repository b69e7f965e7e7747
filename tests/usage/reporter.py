"""A process that reports calls of one team and folds between, as one of several servers does.

python -m tests.usage.reporter URL TEAM SEED BATCHES
"""

from __future__ import annotations

import random
import sys

from callfloor.foundation.database import Database, open_database
from callfloor.usage.records import FinishedCall
from tests.factories.usage import finished_call, record
from tests.usage.looking import folded

FIRST = 20_500
_AT_ONCE = 20


def calls_of(seed: int, batches: int) -> list[list[FinishedCall]]:
    """Return what the process with this seed reports: calls of few people, so that all write the same sums."""
    dice = random.Random(seed)  # noqa: S311  # a seed, no secret
    return [
        [
            finished_call(
                FIRST + dice.randrange(20),
                call_id=f"{seed}-{dice.randrange(100)}",
                revision=dice.randrange(1, 10**6),
                device_id=seed,
                username=dice.choice(["ada", "bob", "eve"]),
                account_id=dice.choice([None, 1, 2]),
                language=dice.choice([None, "en", "de"]),
                mic_seconds=dice.randrange(100),
            )
            for _ in range(_AT_ONCE)
        ]
        for _ in range(batches)
    ]


def report(db: Database, team_id: int, seed: int, batches: int) -> None:
    """Record the batches, and fold after each."""
    for batch in calls_of(seed, batches):
        record(db, team_id, batch)
        folded(db, team_id, take=7)


if __name__ == "__main__":
    url, team, seed_, batches_ = sys.argv[1:]
    opened = open_database(url)
    report(opened, int(team), int(seed_), int(batches_))
    opened.close_now()
