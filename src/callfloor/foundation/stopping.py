"""The beginning of a program's end, told to what would otherwise go on for ever."""

from __future__ import annotations

from collections.abc import Callable


class Stopping:
    """Announced once; what is registered is called then, in the loop that announces it."""

    __slots__ = ("_calls", "is_announced")

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []
        self.is_announced = False

    def on_announcement(self, call: Callable[[], None]) -> None:
        """Call this when the end is announced; at once if it was already."""
        self._calls.append(call)
        if self.is_announced:
            call()

    def announce(self) -> None:
        """Tell everybody."""
        self.is_announced = True
        for call in self._calls:
            call()
