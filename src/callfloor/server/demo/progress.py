"""How far the demo's analysis is: a bar on a terminal, a line a call elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from types import TracebackType


class AnalysisProgress:
    """Counts analyzed calls, weighed by their length in seconds of audio."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._console = Console(stderr=True)
        self._calls = calls
        self._done = 0
        self._bar = Progress(
            TextColumn("Analyzing the sample calls"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.speed:.1f} s of audio a second"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=seconds)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def ended(self, title: str, seconds: float) -> None:
        """Take note of a call whose analysis has ended."""
        self._done += 1
        self._bar.advance(self._task, seconds)
        self._console.print(f"Analyzed {self._done} of {self._calls}: {title}", highlight=False)
