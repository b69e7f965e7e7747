"""The one place that reads the wall clock."""

from __future__ import annotations

import time


def now() -> float:
    """Return the seconds since 1970."""
    return time.time()
