"""The progress of an import for people: a bar with speed and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from callfloor.conversations.imports.importing import left_seconds
from callfloor.conversations.imports.imports import Import
from callfloor.foundation.clock import SECOND, Millis

_LINE_EVERY: Millis = 10 * SECOND


@contextlib.contextmanager
def told_progress() -> Iterator[Callable[[Import], None]]:
    """Yield what is told of every batch; it speaks on stderr."""
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    bar = Progress(BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), console=Console(stderr=True))
    with bar:
        task = bar.add_task("reading")

        def tell(now: Import) -> None:
            bar.update(task, completed=now.done_units, total=now.total_units, description=sentence(now))

        yield tell


class _Lines:
    def __init__(self) -> None:
        self._told_at: Millis = 0

    def tell(self, now: Import) -> None:
        if now.updated_at - self._told_at >= _LINE_EVERY:
            self._told_at = now.updated_at
            share = 0 if not now.total_units else 100 * now.done_units // now.total_units
            sys.stderr.write(f"{share} %  {sentence(now)}\n")


def sentence(now: Import) -> str:
    """Return how far it is, and when it will have come to its end at the measured speed."""
    said = f"row {now.row_number}: {now.created} created, {now.existing} there, {now.refused} refused"
    rate, left = left_seconds(now)
    if rate is None or left is None or now.run_began_at is None:
        return said
    rows_a_second = now.row_number * rate / max(1, now.done_units)
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{said}; {rows_a_second:.1f} rows/s, {hours}:{minutes:02}:{seconds:02} left"
