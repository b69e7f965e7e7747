"""What a worker does for live state all the time: it sweeps, and lets watchers see what happens to devices."""

from __future__ import annotations

from functools import partial

from callfloor.foundation import clock
from callfloor.foundation.clock import SECOND, Millis
from callfloor.foundation.database import Database
from callfloor.foundation.outbox import Follower
from callfloor.foundation.rounds import Rounds
from callfloor.foundation.services import Services
from callfloor.live.sweeping import BATCH, SEEN_KINDS, is_sweep_due, prepare_sweep, see_device, sweep

SWEEP_SECONDS = 1.0
FOLLOW_SECONDS = 0.25


def live_rounds(services: Services) -> list[Rounds]:
    """Return the rounds of live state."""
    settle = services.settings.live.settle_seconds * SECOND
    follower = Follower("live", SEEN_KINDS, partial(see_device, settle=settle))
    return [
        Rounds("sweeper", partial(sweep_due, services.db, settle=settle), every_seconds=SWEEP_SECONDS),
        Rounds("live_follower", partial(follower.follow, services.db), every_seconds=FOLLOW_SECONDS),
    ]


def sweep_due(db: Database, *, settle: Millis) -> int:
    """Sweep all that is due by now; an idle call is one look into an index.

    Returns:
        how many devices were looked at.
    """
    now, looked = clock.now(), 0
    while db.read_now(partial(is_sweep_due, now=now)):
        if not looked:
            db.write_now(prepare_sweep)
        batch = db.write_now(partial(sweep, now=now, settle=settle))
        looked += batch
        if batch < BATCH:
            break
    return looked
