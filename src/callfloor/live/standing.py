"""Where one device stands, and how a report, the end of its lease or its return moves it.

unavailable                       enrolled, nothing reported yet
reported (the newest)           → the reported state
the lease ran out, a log-out    → offline, from the end of the lease
heard of again, without a state → the last reported state, or unavailable
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

from callfloor.devices.tokens import ACTIVE_FOR
from callfloor.foundation.clock import SECOND, Millis
from callfloor.live.tables import Source, State

SETTLE: Millis = 30 * SECOND
"""How long a state must hold, unless a setting says otherwise, before an event tells of it."""


class TransitionRow(NamedTuple):
    """A transition of a device, in the order of its columns after the team's."""

    device_id: int
    at: Millis
    event_id: str
    state: str
    reason: str | None
    source: str


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """How a change is taken in: when, and how long a new state must hold before it is told."""

    now: Millis
    settle: Millis = SETTLE
    renews: bool = False
    """Whether the lease is about to be renewed by what is taken in."""


@dataclasses.dataclass(slots=True)
class Standing:
    """A device with its lease and its row of presence, the values of one that has none yet included."""

    device_id: int
    enrolled_at: Millis
    active_until: Millis
    last_seen_at: Millis
    state: str | None
    reason: str | None
    at: Millis | None
    event_id: str | None
    content: Any
    updated_at: Millis
    shown_state: str
    since: Millis
    seq: int
    announced_state: str | None
    settle_at: Millis | None
    lapsed_at: Millis | None
    due_at: Millis | None
    is_seen: bool = False
    """Something of it changed that can be seen."""
    is_changed: bool = False
    """Its row is to be written."""
    is_late: bool = False
    """A report came that belongs before what is known: since when it is in its state is to be read anew."""

    def catch_up(self, moment: Moment) -> TransitionRow | None:
        """Note what the lease says by now: it ran out, or was renewed by a log-in.

        Returns:
            the transition, if there is one.
        """
        if self.active_until <= moment.now:
            return self._note_lapse(moment)
        is_renewed = self.shown_state == State.OFFLINE and self.lapsed_at not in {None, self.active_until}
        return self.come_back(moment) if is_renewed else None

    def reported(self, state: str, reason: str | None, at: Millis, event_id: str, moment: Moment) -> bool:
        """Take a report; the newest `at` wins, of two at one instant the greater event id.

        Returns:
            whether it is the newest: then its content is to be set, and the device touched after its last report.
        """
        if self.at is not None and (at, event_id) <= (self.at, self.event_id or ""):
            self.is_late = self.is_late or (at, event_id) != (self.at, self.event_id)
            return False
        self.state, self.reason, self.at, self.event_id = state, reason, at, event_id
        # Offline by its own word first, its silence and its return are transitions after `since`.
        if at <= self.since or self.shown_state == State.OFFLINE:
            self.is_late = True
        else:
            self._show(state, self.since if state == self.shown_state else at, moment)
        return True

    def come_back(self, moment: Moment) -> TransitionRow | None:
        """Take the device as heard of.

        Returns:
            the transition, if nothing was reported since its lease ran out; also one from offline to offline, which
            a late report may turn into another state.
        """
        state = self.state or State.UNAVAILABLE.value
        is_silent = self.lapsed_at is not None and (self.at is None or self.at < self.lapsed_at)
        self.lapsed_at, self.is_changed = None, True
        if self.shown_state == state and not is_silent:
            return None
        at = max(moment.now, self.since + 1)
        if self.shown_state != state:
            self._show(state, at, moment)
            self._mark(moment)
        return self._transition(at, state, Source.RETURN, self.reason)

    def correct(self, rows: Sequence[tuple[Millis, str]], moment: Moment) -> None:
        """Take what its transitions say after a late report.

        Args:
            rows: (at, state) of the newest ones in their order, from before its state began, or all there are.
            moment: of the report.
        """
        state = rows[-1][1]
        since: Millis | None = None
        is_cut = False
        for at, one in rows:
            if one != state:
                since, is_cut = None, True
            elif since is None:
                since = at
        since = rows[-1][0] if since is None else since
        if not is_cut:  # nothing else was ever known, or is kept
            before = [self.since] if state == self.shown_state else []
            since = min((since, *before, *([self.enrolled_at] if state == State.UNAVAILABLE else [])))
        if (state, since) != (self.shown_state, self.since):
            self._show(state, since, moment)
            self._mark(moment)

    def touch(self, moment: Moment) -> None:
        """Let watchers look at it anew."""
        self._mark(moment)

    def rearm(self, moment: Moment) -> None:
        """Set when the sweeper has to look again."""
        self.is_changed = True
        self._arm(moment)

    @property
    def shown_reason(self) -> str | None:
        """Return why it is in the shown state, as its agent said."""
        return self.reason if self.shown_state == self.state else None

    def has_settled(self, moment: Moment) -> bool:
        """Return whether the shown state has held for long enough to be told."""
        return self.settle_at is not None and self.settle_at <= moment.now

    def settle(self) -> str | None:
        """Take the shown state as told; return the one that was told before."""
        before, self.announced_state, self.settle_at = self.announced_state, self.shown_state, None
        self.is_changed = True
        return before

    def row(self, team_id: int) -> tuple[Any, ...]:
        """Return its row of presence."""
        return (
            team_id,
            self.device_id,
            self.state,
            self.reason,
            self.at,
            self.event_id,
            self.content,
            self.updated_at,
            self.shown_state,
            self.since,
            self.seq,
            self.announced_state,
            self.settle_at,
            self.lapsed_at,
            self.due_at,
        )

    def _note_lapse(self, moment: Moment) -> TransitionRow | None:
        if self.lapsed_at == self.active_until:
            return None
        is_logout = self.active_until < self.last_seen_at + ACTIVE_FOR
        self.lapsed_at, self.is_changed = self.active_until, True
        # After all that is known: an agent's clock may be ahead.
        at = max(self.active_until, self.since + 1, (self.at or 0) + 1)
        if self.shown_state == State.OFFLINE:
            self._arm(moment)
        else:
            self._show(State.OFFLINE.value, at, moment)
            self._mark(moment)
        return self._transition(at, State.OFFLINE.value, Source.LOGOUT if is_logout else Source.LEASE, None)

    def _show(self, state: str, since: Millis, moment: Moment) -> None:
        if state != self.shown_state:
            # A state that returns to the one told last is a flap: nobody hears of it.
            self.settle_at = None if state == self.announced_state else moment.now + moment.settle
        self.shown_state, self.since = state, since

    def _mark(self, moment: Moment) -> None:
        self.is_seen = self.is_changed = True
        self.updated_at = moment.now
        if self.announced_state is None and self.settle_at is None:
            self.settle_at = moment.now + moment.settle
        self._arm(moment)

    def _arm(self, moment: Moment) -> None:
        lease_end = moment.now + ACTIVE_FOR if moment.renews else self.active_until
        is_noted = self.lapsed_at == self.active_until and not moment.renews
        times = (None if is_noted else lease_end, self.settle_at)
        self.due_at = min((at for at in times if at is not None), default=None)

    def _transition(self, at: Millis, state: str, source: Source, reason: str | None) -> TransitionRow:
        return TransitionRow(self.device_id, at, source.value, state, reason, source.value)
