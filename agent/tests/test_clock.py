"""The server's clock, as the headers of its answers tell it."""

from __future__ import annotations

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor_agent.clock import SET_MS, ServerClock, instant, instant_ms

T = 1_795_000_000_000


def header(at_ms: int) -> str:
    """Return a Date header."""
    return email.utils.formatdate(at_ms // 1000, usegmt=True)


@given(st.integers(-(10**9), 10**9), st.integers(0, 30_000), st.integers(0, 30_000))
def test_the_offset_is_right_to_three_seconds_and_the_delay(offset: int, there: int, back: int) -> None:
    clock = ServerClock()

    clock.observe(header(T + there + offset), sent_ms=T, received_ms=T + there + back)

    assert clock.is_known
    assert abs(clock.offset_ms - offset) <= 3000 + there + back


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 1900)), min_size=1, max_size=20))
def test_a_clock_that_is_right_is_never_moved(answers: list[tuple[int, int]]) -> None:
    clock = ServerClock()

    for moment, age in answers:
        clock.observe(header(T + moment - age), sent_ms=T + moment, received_ms=T + moment + 5)

    assert clock.offset_ms == 0


@given(st.lists(st.tuples(st.integers(0, 10**8), st.integers(-(10**10), 10**10)), max_size=10))
def test_a_clock_that_is_set_leaves_the_servers_time_as_it_is(settings: list[tuple[int, int]]) -> None:
    wall, steady = [T], [0]
    clock = ServerClock(wall=lambda: wall[0], steady=lambda: steady[0])
    clock.observe(header(T + 3_600_000), sent_ms=T, received_ms=T)
    first = clock.now()

    for passed, by_ms in settings:
        set_by_ms = by_ms if abs(by_ms) > SET_MS else 0
        wall[0] += passed + set_by_ms
        steady[0] += passed
        assert clock.now() == first + steady[0]

    assert abs(first - T - 3_600_000) <= 3000
    assert clock.corrected_ms == first - T


@pytest.mark.parametrize("text", [None, "", "yesterday", "Sun, 99 Nov 2026 04:30:43 GMT"])
def test_a_header_that_cannot_be_read_teaches_nothing(text: str | None) -> None:
    clock = ServerClock(5)

    assert not clock.observe(text, sent_ms=T, received_ms=T)
    assert (clock.offset_ms, clock.is_known) == (5, False)


@given(st.integers(0, 4 * 10**12))
def test_instants_go_over_the_wire_and_come_back(at_ms: int) -> None:
    assert instant_ms(instant(at_ms)) == at_ms


def test_instants_are_written_in_utc_with_milliseconds() -> None:
    assert instant(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"
