"""Follow the outbox: every event of some kinds is handed to a verb, in order, exactly once.

The follower's place moves in the transaction of what its verb does, so that neither is ever without the other. Who
holds the place's row reads on: any number of processes may follow, one does at a time.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import structlog
from sqlalchemy import BigInteger, Integer, select, update

from callfloor.foundation.database import Database, Tx, any_of, param, upsert
from callfloor.foundation.outbox.events import OUTBOX, Event, NumberedEvent
from callfloor.foundation.outbox.tables import outbox_event, outbox_follower
from callfloor.foundation.sequence import last_number

BATCH = 200
"""Events handled in one transaction."""
_FORGOTTEN = 10_000
"""Numbers of other kinds that may be read again after a restart: below it the place is not worth a write."""
_LOOKS = 1_000
"""After so many looks it is worth one all the same: events are forgotten only behind the place."""

_e, _f = outbox_event.c, outbox_follower.c
_begin = upsert(outbox_follower).values(name=param("name"), seq=0).on_conflict_do_nothing(index_elements=[_f.name])
_hold = select(_f.seq).where(_f.name == param("follower")).with_for_update(skip_locked=True)
_move = update(outbox_follower).where(_f.name == param("follower")).values(seq=param("reached"))
_next = (
    select(_e.seq, _e.id, _e.team_id, _e.kind, _e.subject, _e.payload, _e.at)
    .where(_e.seq > param("after", BigInteger), _e.seq <= param("up_to", BigInteger), any_of(_e.kind, "kinds"))
    .order_by(_e.seq)
    .limit(param("count", Integer))
)

log = structlog.get_logger(__name__)

Verb = Callable[[Tx, NumberedEvent], None]


@dataclasses.dataclass(frozen=True, slots=True)
class _Round:
    handled: int
    reached: int
    is_done: bool


class Follower:
    """Hands the events of some kinds to a verb; call `follow` now and then, as `Rounds` does."""

    def __init__(self, name: str, kinds: Iterable[str], verb: Verb) -> None:
        self.name = name
        self._kinds = sorted(kinds)
        self._verb = verb
        self._reached = self._place = -1
        """Up to the first nothing of these kinds is left; the second, kept in the database, may be behind."""
        self._looks = 0

    def follow(self, db: Database) -> int:
        """Handle all that is numbered by now.

        Returns:
            how many events; 0 too while another process follows.

        Raises:
            Unavailable: the database does not answer; call again.
        """
        if self._reached < 0:
            db.write_now(lambda tx: tx.run(_begin, {"name": self.name}))
        handled = 0
        while db.read_now(self._is_waiting):
            try:
                done = db.write_now(partial(self._handle, count=BATCH))
            except Exception:  # the batch's edge: what came before the event that fails is not to wait for it
                log.exception("follower_failed", follower=self.name)
                done = db.write_now(partial(self._handle, count=1))
            self._reached = self._place = max(self._reached, done.reached)
            self._looks = 0
            handled += done.handled
            if done.is_done:
                break
        return handled

    def _is_waiting(self, tx: Tx) -> bool:
        up_to = last_number(tx, OUTBOX)
        self._looks += 1
        if self._looks > _LOOKS and up_to > self._place:
            return True
        if up_to <= self._reached:
            return False
        if self._place < 0 or up_to - self._place > _FORGOTTEN:
            return True
        params = {"after": self._reached, "up_to": up_to, "kinds": self._kinds, "count": 1}
        if tx.one(_next, params) is not None:
            return True
        self._reached = up_to
        return False

    def _handle(self, tx: Tx, *, count: int) -> _Round:
        held = tx.one(_hold, {"follower": self.name})
        if held is None:
            return _Round(0, -1, is_done=True)
        up_to = last_number(tx, OUTBOX)
        params = {"after": held[0], "up_to": up_to, "kinds": self._kinds, "count": count}
        events = [
            NumberedEvent(seq, Event(kind=kind, team_id=team_id, subject=subject, payload=payload, at=at, id=event_id))
            for seq, event_id, team_id, kind, subject, payload, at in tx.all(_next, params)
        ]
        # One team a transaction: who locks rows of several does so in the order of the teams.
        batch = [] if not events else next(_by_team(events))
        for event in batch:
            self._verb(tx, event)
        is_all = len(batch) == len(events) < count
        reached = up_to if is_all else batch[-1].seq
        if reached > held[0]:
            tx.run(_move, {"follower": self.name, "reached": reached})
        return _Round(len(batch), reached, is_done=is_all)


def _by_team(events: list[NumberedEvent]) -> Iterator[list[NumberedEvent]]:
    for _, group in itertools.groupby(events, key=lambda one: one.event.team_id):
        yield list(group)
