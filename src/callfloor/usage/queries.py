"""Reports for whoever asks through an API: what was acknowledged before is in them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, Tx
from callfloor.usage.folding import FOLDED_AT_ONCE, fold, is_unfolded
from callfloor.usage.reports import Asked, UsagePage, read_page, until_tomorrow

T = TypeVar("T")


async def usage_page(db: Database, asked: Asked, *, skip: int, take: int, now: Millis) -> UsagePage:
    """Return `take` rows after the first `skip`: by period, seconds of the microphone from the greatest, group id.

    Every call that was acknowledged before is in it.
    """
    asked = until_tomorrow(asked, now)
    read = functools.partial(read_page, asked=asked, skip=skip, take=take)
    return await after_folding(db, asked.team_id, (asked.first_day, asked.last_day), read, now=now)


async def after_folding(
    db: Database, team_id: int, days: tuple[int, int], read: Callable[[Tx], T], *, now: Millis
) -> T:
    """Run the read once nothing of these days, first to last, waits to be folded.

    What is acknowledged after the call began may be missing: whoever reports faster than is folded holds up nobody.
    """

    def read_if_folded(tx: Tx) -> tuple[T] | None:
        return None if is_unfolded(tx, team_id, *days) else (read(tx),)

    found = await db.report(read_if_folded)
    if found is not None:
        return found[0]
    while await db.write(functools.partial(fold, team_id=team_id, now=now)) == FOLDED_AT_ONCE:
        pass
    return await db.report(read)
