"""How the sides take turns: how long the agent waits for the customer to end, and how often it cuts in."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Sequence

from callfloor.conversations.parties import AGENT, CUSTOMER
from callfloor.conversations.transcripts import Segment

BRIDGED_PAUSE_MS = 1000
"""A pause up to this long, in which no other side begins, does not end a stretch of speech."""
BACKCHANNEL_MS = 1000
"""What begins while another side speaks and is shorter than this ("mhm", "yes, right") takes no turn.

A backchannel lasts at most a second, with a second without speech of its own on each side: the events of Ekstedt and
Skantze, "Voice Activity Projection: Self-supervised Learning of Turn-taking Events", Interspeech 2022.
"""
PERCEIVED_OVERLAP_MS = 120
"""Nobody hears a shorter overlap as one, nor a shorter gap: Heldner, "Detection thresholds for gaps, overlaps, and
no-gap-no-overlaps", J. Acoust. Soc. Am. 130, 2011. Times of recognized words are no more exact than that either."""


@dataclasses.dataclass(frozen=True, slots=True)
class TurnTaking:
    """None where it cannot be known.

    Attributes:
        patience_seconds: the median of what the agent waits, over the turns it takes right after the customer's:
            `max(0, start of the agent's stretch - end of the customer's)`. It is a median since one search in a slow
            system, of half a minute, would be most of a mean. Who begins before the customer has ended waits 0;
            otherwise who always cuts in would have no patience to be seen. Without such a turn it is None.
        interruption_count: how many of these turns begin while the customer speaks, more than
            `PERCEIVED_OVERLAP_MS` before the customer ends, and go on after that: the overlaps of the "turn-taking
            type" of Yuan, Liberman and Cieri, "Towards an integrated understanding of speech overlaps in
            conversation", ICPhS 2007. What ends while the customer goes on is their "backchannel type", and no turn.
    """

    patience_seconds: float | None
    interruption_count: int | None


@dataclasses.dataclass(slots=True)
class _Stretch:
    """What a side says without a longer pause."""

    side: str | None
    start_ms: int
    end_ms: int


def turn_taking(speech: Iterable[tuple[str | None, Segment]]) -> TurnTaking:
    """Return how the agent takes its turns.

    Args:
        speech: the segments with their side, `agent` or `customer`, None where that is not known. Times of words count
            where they are there, else those of the segment; what has no length has no times.
    """
    stretches = _stretches(sorted(((side, *span) for side, one in speech for span in _spans(one)), key=_in_time))
    if not {AGENT, CUSTOMER} <= {stretch.side for stretch in stretches}:
        return TurnTaking(None, None)
    waits_ms = list[int]()
    interruptions = 0
    before: _Stretch | None = None
    for stretch in _without_backchannels(stretches):
        if before is None:
            before = stretch
        if stretch.end_ms <= before.end_ms:
            continue
        if stretch.side == AGENT and before.side == CUSTOMER and before.start_ms < stretch.start_ms:
            waits_ms.append(max(0, stretch.start_ms - before.end_ms))
            interruptions += before.end_ms - stretch.start_ms > PERCEIVED_OVERLAP_MS
        before = stretch
    return TurnTaking(round(statistics.median(waits_ms) / 1000, 3) if waits_ms else None, interruptions)


def _spans(segment: Segment) -> Sequence[tuple[int, int]]:
    words = [(start_ms, end_ms) for _, start_ms, end_ms in segment.words or () if end_ms > start_ms]
    if words:
        return words
    return [(segment.start_ms, segment.end_ms)] if segment.end_ms > segment.start_ms else []


def _in_time(span: tuple[str | None, int, int]) -> tuple[int, int]:
    return span[1], span[2]


def _stretches(spans: Iterable[tuple[str | None, int, int]]) -> list[_Stretch]:
    """Return the stretches in order of their start; those of one side never overlap."""
    found: list[_Stretch] = []
    newest: dict[str | None, _Stretch] = {}
    for side, start_ms, end_ms in spans:
        own = newest.get(side)
        if own is not None and _goes_on(own, start_ms, newest.values()):
            own.end_ms = max(own.end_ms, end_ms)
        else:
            newest[side] = _Stretch(side, start_ms, end_ms)
            found.append(newest[side])
    return found


def _goes_on(own: _Stretch, start_ms: int, newest: Iterable[_Stretch]) -> bool:
    """Return whether what begins now belongs to the stretch before it of the same side."""
    pause_ms = start_ms - own.end_ms
    if pause_ms <= PERCEIVED_OVERLAP_MS:
        return True
    return pause_ms <= BRIDGED_PAUSE_MS and not any(_begins_after(own, other) for other in newest)


def _begins_after(own: _Stretch, other: _Stretch) -> bool:
    """Return whether the other begins when this one has ended, for all that is heard."""
    return (
        other.side != own.side and own.start_ms < other.start_ms and other.start_ms >= own.end_ms - PERCEIVED_OVERLAP_MS
    )


def _without_backchannels(stretches: Iterable[_Stretch]) -> Iterable[_Stretch]:
    newest: dict[str | None, _Stretch] = {}
    for stretch in stretches:
        others = [other for other in newest.values() if other.side != stretch.side]
        newest[stretch.side] = stretch
        is_within = any(other.start_ms < stretch.start_ms < other.end_ms - PERCEIVED_OVERLAP_MS for other in others)
        if not (is_within and stretch.end_ms - stretch.start_ms < BACKCHANNEL_MS):
            yield stretch
