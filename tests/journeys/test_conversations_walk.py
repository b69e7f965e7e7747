"""A client written from the contract walks all conversations, in quiet and during inserts: it loses and repeats none.

`python -m tests.fault.walk` does the same with 10,000.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from tests.support.history_trial import Floor, copies_during_inflow, floor_with, truth_of, walk_in_quiet

pytestmark = pytest.mark.timeout(500)
CALLS, MEETINGS = 1600, 400
ROUNDS = 2


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def floor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """A server on a data folder that was empty, with a team whose conversations began at some two thousand moments."""
    url = request.getfixturevalue("postgres_template").fresh_url() if request.param == "postgresql" else None
    data = tmp_path_factory.mktemp("walk") / "data"
    with floor_with(data, url, calls=CALLS, meetings=MEETINGS, random=Random(7)) as one:  # noqa: S311  # dates and words
        yield one


def test_walks_and_copies_miss_and_repeat_none_in_quiet_and_then_during_inserts(floor: Floor) -> None:
    assert walk_in_quiet(floor, thoroughly=False) > 5 * (CALLS + MEETINGS)

    since, feed, inflow = copies_during_inflow(floor, rounds=ROUNDS)

    truth = truth_of(floor)
    assert len(inflow.talks) > ROUNDS < inflow.changes
    assert set(truth) == {talk.id for talk in (*floor.known("calls"), *inflow.talks)}
    assert since.records == truth
    assert feed.records == truth
    assert feed.told >= len(truth) + inflow.changes
