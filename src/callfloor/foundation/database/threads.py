"""Work handed to a thread: it takes the caller's context with it, and goes on when the caller is cancelled."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from callfloor.foundation.database.errors import Gone

T = TypeVar("T")


async def run_in(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Run the work on one of the threads; shielded, since what has started may commit.

    Raises:
        Gone: the threads have been shut down.
    """
    context = contextvars.copy_context()
    try:
        started = asyncio.get_running_loop().run_in_executor(threads, context.run, work)
    except RuntimeError as error:
        raise Gone("the database is closed") from error
    return await asyncio.shield(started)
