"""Waiting for what another process does."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.support.server import DEADLINE_SECONDS, Program

NAP_SECONDS = 0.02


def wait_until(is_so: Callable[[], bool], running: Program) -> None:
    """Look again and again until it is so; fail when the program ends before, or the deadline passes."""
    nap = threading.Event()
    for _ in range(int(2 * DEADLINE_SECONDS / NAP_SECONDS)):
        if is_so():
            return
        assert running.process.poll() is None, "".join(running.lines)
        nap.wait(NAP_SECONDS)
    raise AssertionError("it never came:\n" + "".join(running.lines))
