"""The newest instant of each thing, kept in memory until somebody writes it down."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from callfloor.foundation.clock import Millis

Thing = TypeVar("Thing", bound=Hashable)


class Latest(Generic[Thing]):
    """Seen in requests, which must not write for it; taken by a loop now and then."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: dict[Thing, Millis] = {}

    def note(self, thing: Thing, at: Millis) -> None:
        """Remember that the thing was there at this instant."""
        self._seen[thing] = at

    def take(self) -> dict[Thing, Millis]:
        """Return what was noted since the last call, and forget it."""
        seen, self._seen = self._seen, {}
        return seen

    def put_back(self, seen: dict[Thing, Millis]) -> None:
        """Remember again what could not be written; what was noted meanwhile is newer."""
        self._seen = {**seen, **self._seen}
