"""What a worker does for usage all the time: it folds what was reported."""

from __future__ import annotations

from functools import partial

from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.rounds import Rounds
from callfloor.foundation.services import Services
from callfloor.usage.folding import FOLDED_AT_ONCE, fold, teams_to_fold

FOLD_SECONDS = 1.0


def usage_rounds(services: Services) -> list[Rounds]:
    """Return the rounds of usage."""
    return [Rounds("usage_folder", partial(fold_all, services.db), every_seconds=FOLD_SECONDS)]


def fold_all(db: Database) -> int:
    """Fold what waits of every team; an idle call is one look into a key. Returns how many calls were folded."""
    folded = 0
    for team_id in db.read_now(teams_to_fold):
        while True:
            count = db.write_now(partial(fold, team_id=team_id, now=clock.now()))
            folded += count
            if count < FOLDED_AT_ONCE:
                break
    return folded
