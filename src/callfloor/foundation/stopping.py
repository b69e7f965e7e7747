"""The beginning of a program's end, told to what would otherwise go on for ever."""

from __future__ import annotations

from collections.abc import Callable


class Stopping:
    """Begins once; what is registered is called then, in the loop that begins it."""

    __slots__ = ("_calls", "is_begun")

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []
        self.is_begun = False

    def on_begin(self, call: Callable[[], None]) -> None:
        """Call this when the end begins."""
        self._calls.append(call)

    def begin(self) -> None:
        """Tell everybody."""
        self.is_begun = True
        for call in self._calls:
            call()
