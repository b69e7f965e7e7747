"""Transitions folded into spans: from when until when a device was in one state."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

from callfloor.foundation.clock import Millis
from callfloor.live.tables import State


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A device is in the state from `at` on."""

    at: Millis
    state: str
    reason: str | None
    source: str


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A device was in the state from `begin` until `end`; reason and source are those of its first step."""

    state: str
    begin: Millis
    end: Millis
    reason: str | None
    source: str | None

    @property
    def duration(self) -> Millis:
        """Return its length."""
        return self.end - self.begin


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """From `begin` until `end`."""

    begin: Millis
    end: Millis


def spans_of(steps: Sequence[Step], *, enrolled_at: Millis, within: Range) -> list[Span]:
    """Return the spans that lie within the range, cut at its ends; steps that change nothing are left out.

    Args:
        steps: in their order; the last one before the range among them, if there is one.
        enrolled_at: from then until the first step nothing was reported: the device was unavailable.
        within: which range.
    """
    begun = [Step(enrolled_at, State.UNAVAILABLE.value, None, "")] if not steps or steps[0].at > enrolled_at else []
    changes: list[Step] = []
    for step in (*begun, *steps):
        if not changes or changes[-1].state != step.state:
            changes.append(step)
    spans = []
    for step, next_at in zip(changes, [*(one.at for one in changes[1:]), within.end], strict=True):
        begin, end = max(step.at, within.begin), min(next_at, within.end)
        if begin < end:
            spans.append(Span(step.state, begin, end, step.reason, step.source or None))
    return spans


def time_by_state(spans: Iterable[Span]) -> dict[str, Millis]:
    """Return how long the spans of each state are together."""
    times: Counter[str] = Counter(dict.fromkeys((state.value for state in State), 0))
    for span in spans:
        times[span.state] += span.duration
    return dict(times)
