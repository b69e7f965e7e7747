"""Who may watch a team's devices, asked again and again while they watch."""

from __future__ import annotations

from collections.abc import Sequence

from callfloor.access.guard import SignIn, callers_of
from callfloor.access.scopes import Scope
from callfloor.foundation import clock
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database
from callfloor.live.hub import Hub

Who = tuple[int, SignIn]
"""The team that is watched, and by what the watcher signed in."""


def open_hub(db: Database, *, limit: int) -> Hub:
    """Return the streams of a server process, with room for so many of each team."""

    async def may_watch(everybody: Sequence[Who]) -> set[Who]:
        return await who_may_watch(db, everybody, now=clock.now())

    return Hub(db, may_watch, limit=limit)


async def who_may_watch(db: Database, everybody: Sequence[Who], *, now: Millis) -> set[Who]:
    """Return those whose key or session has not ended, and who still may see what the team's devices do."""
    callers = await callers_of(db, {sign_in for _, sign_in in everybody}, now=now)
    allowed = {(caller.team_id, one) for one, caller in callers.items() if Scope.LIVE_READ.value in caller.scopes}
    return allowed.intersection(everybody)
