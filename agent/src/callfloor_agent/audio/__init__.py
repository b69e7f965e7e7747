"""The operating system's own microphone use: what is followed where the desktop app does not run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from callfloor_agent.sight import Sight

SOURCE = "os"
Changed = Callable[[Sight | None], None]


class MicrophoneWatcher(Protocol):
    """Watches one operating system's microphone use, and calls `changed` with each new sight; None: cannot see."""

    problem: str | None
    """Why nothing can be seen."""

    async def run(self) -> None:
        """Watch until canceled; what is seen first is told at once, whatever it is."""
