"""Work that is done again and again by a thread of its own, whatever befalls one round."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from callfloor.foundation.errors import Unavailable

log = structlog.get_logger(__name__)


class Rounds:
    """Calls `once` at every beat, and at once when it is woken; several processes may each run one."""

    def __init__(self, name: str, once: Callable[[], object], *, every_seconds: float) -> None:
        self._name = name
        self._once = once
        self._every_seconds = every_seconds
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        """Work in the background until `stop`."""
        self._thread.start()

    def wake(self) -> None:
        """Do a round now, not at the next beat."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the round under way and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def run(self) -> None:
        """Work on the calling thread until `stop`."""
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._once()
            except Unavailable as error:
                log.warning("round_waits", rounds=self._name, reason=str(error))
            except Exception:  # the loop's edge: one bad round must not end them all
                log.exception("round_failed", rounds=self._name)
            self._wake.wait(self._every_seconds)
