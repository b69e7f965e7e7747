"""Room for decoded audio while a job runs; what a killed worker left is removed by a later job."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from callfloor.foundation.clock import DAY, Millis

ABANDONED_AFTER: Millis = DAY
"""Longer than any job may run."""
_PREFIX = "transcribe-"


@contextlib.contextmanager
def scratch_folder(below: Path, *, now: Millis) -> Iterator[Path]:
    """Yield a new empty folder, removed at the end; folders nobody removed for a day go first."""
    below.mkdir(parents=True, exist_ok=True)
    for old in below.glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            if old.stat().st_mtime * 1000 < now - ABANDONED_AFTER:
                shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=below, prefix=_PREFIX) as folder:
        yield Path(folder)
