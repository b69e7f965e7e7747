"""Pauses: longer each time up to a bound, spread, and never shorter than asked."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from callfloor_agent.pauses import ASKED_MAX_SECONDS, LONGEST_SECONDS, Pauses


@given(st.integers(), st.integers(1, 40))
def test_pauses_grow_to_a_bound(seed: int, failures: int) -> None:
    pauses = Pauses(randomness=random.Random(seed))

    waited = [pauses.after_failure() for _ in range(failures)]

    for number, seconds in enumerate(waited, start=1):
        ceiling = min(2.0 ** min(number, 12), LONGEST_SECONDS)
        assert ceiling / 2 <= seconds <= ceiling


@given(st.integers(), st.floats(0, 10**6))
def test_what_the_server_asks_is_kept_and_spread(seed: int, asked: float) -> None:
    seconds = Pauses(randomness=random.Random(seed)).after_failure(asked_seconds=asked)

    believed = min(asked, ASKED_MAX_SECONDS)
    assert believed <= seconds <= believed * 1.25


def test_a_success_begins_anew() -> None:
    pauses = Pauses()
    for _ in range(10):
        pauses.after_failure()

    pauses.succeeded()

    assert pauses.after_failure() <= 2.0


def test_two_agents_do_not_wait_alike() -> None:
    assert len({Pauses().after_failure() for _ in range(20)}) > 15
