"""A read every few milliseconds, and how long each took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from callfloor.foundation.database import Database
from tests.support.ledger import total_of_team

EVERY_SECONDS = 0.005


async def paced_reads(db: Database, *, team_id: int, until: Callable[[], bool]) -> list[float]:
    """Read the team's total again and again until told to stop.

    Returns:
        milliseconds each read took, the wait for the loop included: counted from when it was due.
    """
    taken: list[float] = []
    due = time.monotonic()
    while not until():
        due += EVERY_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await db.read(total_of_team, {"team_id": team_id})
        taken.append((time.monotonic() - due) * 1000)
        due = max(due, time.monotonic() - EVERY_SECONDS)
    return taken


def share_of(taken: list[float], share: float) -> float:
    """Return the value that this share of them does not exceed."""
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * share))]


def described(taken: list[float]) -> str:
    """Return median, 99th percentile and worst as text."""
    return f"p50 {share_of(taken, 0.5):.1f} ms, p99 {share_of(taken, 0.99):.1f} ms, worst {max(taken):.1f} ms"
