"""The benchmarks measure what they say: the server on its core, the load on the other."""

from __future__ import annotations

import os

from benchmarks.processes import LOAD_CORE, SERVER_CORE, pinned


def test_a_server_that_starts_within_the_load_has_its_own_core() -> None:
    """A thread that had been given one core could not take the other: server and load shared one."""
    cores = os.sched_getaffinity(0)
    of_load = cores & {LOAD_CORE} or cores
    of_server = cores & {SERVER_CORE} or of_load

    with pinned(LOAD_CORE):
        with pinned(SERVER_CORE):
            assert os.sched_getaffinity(0) == of_server
        assert os.sched_getaffinity(0) == of_load
    assert os.sched_getaffinity(0) == cores
