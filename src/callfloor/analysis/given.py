"""A transcript that came with the upload: measured as it is, nothing is recognized."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from callfloor.analysis.measures import Voice, measures_of, speech_shares, voice_of
from callfloor.conversations.arrival import Arrival
from callfloor.conversations.parties import AGENT, CUSTOMER, Party
from callfloor.conversations.transcripts import Segment


def analyzed(arrival: Arrival, segments: Sequence[Segment], *, has_exact_times: bool) -> Arrival:
    """Return the arrival with the transcript and what is measured in it.

    A speaker is the agent if it is called so or is an internal participant; likewise the customer. Times that were
    estimated are not exact.
    """
    sides: dict[Voice, str] = {}
    by_name: dict[str, Voice] = {}
    for segment in segments:
        voice = voice_of(segment)
        label = segment.speaker.casefold()
        by_name[label] = voice
        side = _side(label, arrival.parties)
        if side is not None:
            sides[voice] = side
    duration_ms = max((s.end_ms for s in segments), default=0)
    measures = measures_of(segments, sides, duration_ms=duration_ms, has_exact_times=has_exact_times)
    shares = speech_shares(segments)
    return dataclasses.replace(
        arrival,
        transcript=segments,
        metrics=dataclasses.asdict(measures),
        parties=[_with_share(p, by_name, shares) for p in arrival.parties],
    )


def _side(label: str, parties: Sequence[Party]) -> str | None:
    if label in (AGENT, CUSTOMER):
        return label
    for party in parties:
        if label in _labels(party) and party.is_internal is not None:
            return AGENT if party.is_internal else CUSTOMER
    return None


def _with_share(party: Party, by_name: dict[str, Voice], shares: dict[Voice, float]) -> Party:
    voice = next((by_name[label] for label in _labels(party) if label in by_name), None)
    return party if voice is None else dataclasses.replace(party, speak_share=shares.get(voice, 0.0))


def _labels(party: Party) -> list[str]:
    return [label.casefold() for label in (party.name, party.email) if label]
