"""Measures of a talk, computed from its segments alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from callfloor.analysis.turns import TurnTaking, turn_taking
from callfloor.conversations.parties import AGENT, CUSTOMER
from callfloor.conversations.transcripts import Segment

MONOLOGUE_PAUSE_MS = 2000
"""A pause up to this long, in which nobody else speaks, does not end a monologue."""
_DIGITS = 3

Voice = tuple[int | None, str]
"""Who speaks: the channel, where it is known, and the speaker's label."""


@dataclasses.dataclass(frozen=True, slots=True)
class Measures:
    """None where the transcript does not tell; shares are 0..1.

    Attributes:
        speak_share: the agent's share of the speech.
        talk_to_listen: the agent's speech divided by the customer's.
        silence_share: share of the duration in which nobody speaks.
        words_per_minute: of the agent while speaking; of everybody when nobody is known to be the agent.
        longest_monologue_seconds: of the agent; of anybody when nobody is known to be the agent.
        question_count: questions of the agent; of everybody when nobody is known to be the agent.
        patience_seconds: how long the agent waits after the customer has ended; see `turns.TurnTaking`.
        interruption_count: how often the agent takes the turn while the customer speaks; likewise.
    """

    speak_share: float | None
    talk_to_listen: float | None
    silence_share: float | None
    words_per_minute: float | None
    longest_monologue_seconds: float | None
    question_count: int | None
    patience_seconds: float | None
    interruption_count: int | None


def measures_of(
    segments: Sequence[Segment], sides: Mapping[Voice, str], *, duration_ms: int, has_exact_times: bool = True
) -> Measures:
    """Return the measures of a talk.

    Args:
        segments: in order of their start.
        sides: `agent` or `customer` for each voice that is known to be one.
        duration_ms: of the whole conversation.
        has_exact_times: False when times were estimated, which tell nothing of how turns are taken.
    """
    if not segments:
        return Measures(None, None, 1.0 if duration_ms else None, None, None, None, None, None)
    agent = [s for s in segments if sides.get(voice_of(s)) == AGENT]
    customer = [s for s in segments if sides.get(voice_of(s)) == CUSTOMER]
    watched = agent or segments
    agent_ms, customer_ms = _speech_ms(agent), _speech_ms(customer)
    talk_ms = _speech_ms(segments)
    both = bool(agent and customer)
    unknown = TurnTaking(None, None)
    turns = turn_taking((sides.get(voice_of(s)), s) for s in segments) if has_exact_times else unknown
    return Measures(
        speak_share=_ratio(agent_ms, talk_ms) if both else None,
        talk_to_listen=_ratio(agent_ms, customer_ms) if both else None,
        silence_share=_ratio(max(0, duration_ms - _covered_ms(segments)), duration_ms),
        words_per_minute=_ratio(60_000 * sum(len(s.text.split()) for s in watched), _speech_ms(watched)),
        longest_monologue_seconds=_longest_run_ms(segments, {voice_of(s) for s in watched}) / 1000,
        question_count=sum(s.text.count("?") for s in watched),
        patience_seconds=turns.patience_seconds,
        interruption_count=turns.interruption_count,
    )


def speech_shares(segments: Sequence[Segment]) -> dict[Voice, float]:
    """Return every voice's share of the speech, 0..1; nothing without speech."""
    spoken: dict[Voice, int] = {}
    for segment in segments:
        spoken[voice_of(segment)] = spoken.get(voice_of(segment), 0) + segment.end_ms - segment.start_ms
    total = sum(spoken.values())
    return {voice: round(ms / total, _DIGITS) for voice, ms in spoken.items()} if total else {}


def voice_of(segment: Segment) -> Voice:
    """Return who speaks."""
    return segment.channel, segment.speaker


def _speech_ms(segments: Iterable[Segment]) -> int:
    return sum(s.end_ms - s.start_ms for s in segments)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, _DIGITS) if whole else None


def _covered_ms(segments: Sequence[Segment]) -> int:
    covered, reached = 0, 0
    for segment in sorted(segments, key=lambda s: s.start_ms):
        covered += max(0, segment.end_ms - max(segment.start_ms, reached))
        reached = max(reached, segment.end_ms)
    return covered


def _longest_run_ms(segments: Sequence[Segment], voices: set[Voice]) -> int:
    longest = begun = reached = 0
    speaking: Voice | None = None
    for segment in sorted(segments, key=lambda s: s.start_ms):
        voice = voice_of(segment)
        if voice != speaking or segment.start_ms - reached > MONOLOGUE_PAUSE_MS:
            speaking, begun, reached = voice, segment.start_ms, segment.end_ms
        reached = max(reached, segment.end_ms)
        if voice in voices:
            longest = max(longest, reached - begun)
    return longest
