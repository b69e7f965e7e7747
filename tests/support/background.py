"""Work that a thread does over and over beside a test."""

from __future__ import annotations

import abc
import threading
from typing import Self


class Background(abc.ABC):
    """Does `step` again and again, from when it is entered until it is left; what a step raised is raised then.

    Args:
        pause_seconds: between two steps.
    """

    def __init__(self, *, pause_seconds: float = 0.0) -> None:
        self._pause_seconds = pause_seconds
        self._stopping = threading.Event()
        self._faults: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        if self._faults:
            raise self._faults[0]

    @property
    def has_failed(self) -> bool:
        """Return whether a step raised something: no other follows."""
        return bool(self._faults)

    @abc.abstractmethod
    def step(self) -> None:
        """Do the work once."""

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._pause_seconds):
                self.step()
        except BaseException as fault:  # noqa: BLE001  # told to who waits for the thread
            self._faults.append(fault)
