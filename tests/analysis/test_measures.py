"""Measures of talks whose answers are known."""

from __future__ import annotations

import pytest

from callfloor.analysis.measures import Voice, measures_of, speech_shares
from callfloor.conversations.transcripts import Segment

AGENT: Voice = (0, "Agent")
CUSTOMER: Voice = (1, "Customer")
SIDES = {AGENT: "agent", CUSTOMER: "customer"}


def said(voice: Voice, start: float, end: float, text: str = "one two three") -> Segment:
    channel, speaker = voice
    return Segment(speaker, round(start * 1000), round(end * 1000), text, channel)


def test_divides_the_speech_between_the_sides() -> None:
    talk = [said(AGENT, 0, 6), said(CUSTOMER, 6, 8)]

    measures = measures_of(talk, SIDES, duration_ms=10_000)

    assert measures.speak_share == 0.75
    assert measures.talk_to_listen == 3.0
    assert measures.silence_share == 0.2
    assert speech_shares(talk) == {AGENT: 0.75, CUSTOMER: 0.25}


def test_counts_speech_at_the_same_time_once_as_sound() -> None:
    talk = [said(AGENT, 0, 4), said(CUSTOMER, 2, 5), said(AGENT, 3, 4.5)]

    assert measures_of(talk, SIDES, duration_ms=10_000).silence_share == 0.5


def test_counts_words_and_questions_of_the_agent() -> None:
    talk = [said(AGENT, 0, 30, "who? " * 40), said(CUSTOMER, 30, 40, "what? why? " * 10)]

    measures = measures_of(talk, SIDES, duration_ms=40_000)

    assert measures.words_per_minute == 80.0
    assert measures.question_count == 40


@pytest.mark.parametrize(
    ("talk", "seconds"),
    [
        ([said(AGENT, 0, 3), said(AGENT, 5, 9), said(CUSTOMER, 9, 30)], 9.0),
        ([said(AGENT, 0, 3), said(AGENT, 5.001, 9)], 3.999),
        ([said(AGENT, 0, 3), said(CUSTOMER, 3, 3.5), said(AGENT, 3.5, 8)], 4.5),
    ],
    ids=["a short pause does not end it", "a long one does", "another voice does"],
)
def test_finds_the_longest_monologue_of_the_agent(talk: list[Segment], seconds: float) -> None:
    assert measures_of(talk, SIDES, duration_ms=30_000).longest_monologue_seconds == seconds


def test_says_nothing_of_sides_that_are_not_known() -> None:
    measures = measures_of([said((0, "Speaker"), 0, 60, "word " * 90)], {}, duration_ms=60_000)

    assert (measures.speak_share, measures.talk_to_listen) == (None, None)
    assert measures.words_per_minute == 90.0


def test_of_nothing_is_silence() -> None:
    measures = measures_of([], SIDES, duration_ms=5000)

    assert measures.silence_share == 1.0
    assert measures.words_per_minute is None
    assert speech_shares([]) == {}
