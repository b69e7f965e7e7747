"""Room for files while a job runs; what a killed worker left is removed by a later job of its kind."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from callfloor.foundation.clock import DAY, Millis

ABANDONED_AFTER: Millis = DAY
"""Longer than any job may run."""


@contextlib.contextmanager
def scratch_folder(below: Path, prefix: str, *, now: Millis) -> Iterator[Path]:
    """Yield a new empty folder, removed at the end; folders of this prefix that nobody removed for a day go first."""
    below.mkdir(parents=True, exist_ok=True)
    for old in below.glob(f"{prefix}*"):
        with contextlib.suppress(FileNotFoundError):
            if old.stat().st_mtime * 1000 < now - ABANDONED_AFTER:
                shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=below, prefix=prefix) as folder:
        yield Path(folder)
