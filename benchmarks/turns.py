"""How close patience and interruptions of recognized words are to those of the truth, on stereo calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from callfloor.analysis.turns import TurnTaking, turn_taking
from callfloor.conversations.parties import AGENT, CUSTOMER
from callfloor.conversations.transcripts import Segment
from callfloor.speech.transcription import Transcript

_SWAPPED = {AGENT: CUSTOMER, CUSTOMER: AGENT}


@dataclass(frozen=True, slots=True)
class Turns:
    """What is measured of one party: the agent, or the customer put in its place."""

    party: str
    true: TurnTaking
    heard: TurnTaking

    @property
    def patience_error_seconds(self) -> float | None:
        if self.true.patience_seconds is None or self.heard.patience_seconds is None:
            return None
        return self.heard.patience_seconds - self.true.patience_seconds


def turns_of(entry: dict[str, Any], transcript: Transcript) -> tuple[Turns, ...]:
    """Return both parties of a call; its truth is the spans of speech in the manifest."""
    true = [(part["speaker"], _span(start, end)) for part in entry["segments"] for start, end in part["speech"]]
    heard = list(_heard(entry, transcript))
    return (
        Turns(AGENT, turn_taking(true), turn_taking(heard)),
        Turns(CUSTOMER, turn_taking(_swapped(true)), turn_taking(_swapped(heard))),
    )


def _heard(entry: dict[str, Any], transcript: Transcript) -> Iterator[tuple[str, Segment]]:
    for part in transcript.segments:
        words = [(word.text, _ms(word.start), _ms(word.end)) for word in part.words]
        yield (
            entry["channel_roles"][str(part.channel)],
            Segment("", _ms(part.start), _ms(part.end), part.text, None, words),
        )


def _swapped(speech: Sequence[tuple[str, Segment]]) -> list[tuple[str, Segment]]:
    return [(_SWAPPED[side], segment) for side, segment in speech]


def _span(start: float, end: float) -> Segment:
    return Segment("", _ms(start), _ms(end), "")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def print_turns(calls: dict[str, tuple[Turns, ...]]) -> dict[str, Any]:
    """Print the calls' table and return its totals."""
    width = max(len(name) for name in calls)
    print(f"\n{'turns':<{width}}  {'party':<8}  {'patience':>8}  {'true':>6}  {'interruptions':>13}  {'true':>4}")
    for name, parties in calls.items():
        for one in parties:
            patience = f"{_seconds(one.heard):>8}  {_seconds(one.true):>6}"
            count = f"{one.heard.interruption_count!s:>13}  {one.true.interruption_count!s:>4}"
            print(f"{name:<{width}}  {one.party:<8}  {patience}  {count}")
    every = [one for parties in calls.values() for one in parties]
    errors = [error for one in every if (error := one.patience_error_seconds) is not None]
    wrong = sum(abs((one.heard.interruption_count or 0) - (one.true.interruption_count or 0)) for one in every)
    true = sum(one.true.interruption_count or 0 for one in every)
    totals = {
        "patience_mean_error_seconds": round(sum(errors) / max(len(errors), 1), 3),
        "patience_mean_absolute_error_seconds": round(sum(map(abs, errors)) / max(len(errors), 1), 3),
        "patience_worst_error_seconds": round(max(map(abs, errors), default=0.0), 3),
        "interruptions": true,
        "interruptions_wrong": wrong,
    }
    print(
        f"patience is off by {totals['patience_mean_absolute_error_seconds']:.2f} s in the mean, at worst by "
        f"{totals['patience_worst_error_seconds']:.2f} s; of {true} interruptions {wrong} are missed or invented"
    )
    return totals


def _seconds(turns: TurnTaking) -> str:
    return "none" if turns.patience_seconds is None else f"{turns.patience_seconds:.2f}"
