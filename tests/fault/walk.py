"""Walk all conversations of a team by a client written from the contract, in quiet and while calls come in and change.

    python -m tests.fault.walk --database URL [--records 10000] [--rounds 10]

Every filter with every page size, by page numbers and by cursor, in both orders; then copies kept by `updatedSince` and
by the feed of changes, beside walks by cursor. Prints one table; ends with 1 when a record is lost, repeated, out of
order or not asked for, or when a copy is not equal to the list.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.fault.killing import print_table
from tests.support.history_trial import copies_during_inflow, floor_with, truth_of, walk_in_quiet


def trial(url: str, asked: argparse.Namespace) -> bool:
    """Walk; return whether every promise held."""
    meetings = asked.records // 5
    random = Random(asked.seed)  # noqa: S311  # dates and words
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with floor_with(data, url, calls=asked.records - meetings, meetings=meetings, random=random) as floor:
            began = time.monotonic()
            met = walk_in_quiet(floor, thoroughly=True)
            quiet = time.monotonic()
            since, feed, inflow = copies_during_inflow(floor, rounds=asked.rounds)
            truth = truth_of(floor)
            ended = time.monotonic()
    made = {talk.id for talk in (*floor.known("calls"), *inflow.talks)}
    wrong = {
        "calls not in the list, or not made": len(made ^ set(truth)),
        "records that differ in the copy by updatedSince": differing(since.records, truth),
        "records that differ in the copy by the feed": differing(feed.records, truth),
    }
    print_table(
        f"{url.partition(':')[0]}: {asked.records} conversations",
        [
            ("records met in quiet, in s", f"{met}, {quiet - began:.0f}"),
            ("calls that came in, changes", f"{len(inflow.talks)}, {inflow.changes}"),
            ("changes told by the feed", feed.told),
            ("walks and copies during it, in s", f"{ended - quiet:.0f}"),
            ("requests", floor.client.requests),
            *wrong.items(),
        ],
    )
    return not any(wrong.values())


def differing(copy: dict[str, dict[str, object]], truth: dict[str, dict[str, object]]) -> int:
    """Return how many records one has and the other has not, or otherwise."""
    return sum(copy.get(key) != truth.get(key) for key in copy.keys() | truth.keys())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    asked_for = parser.parse_args()
    sys.exit(0 if trial(asked_for.database, asked_for) else 1)
