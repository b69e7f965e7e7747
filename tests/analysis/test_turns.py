"""How turns are taken: talks whose answers are known, and laws that hold for any talk."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.analysis.turns import PERCEIVED_OVERLAP_MS, TurnTaking, turn_taking
from callfloor.conversations.transcripts import Segment, Word

AGENT, CUSTOMER = "agent", "customer"
Spoken = tuple[str | None, Segment]
UNKNOWN = TurnTaking(None, None)


def said(side: str | None, start: float, end: float, *words: tuple[float, float]) -> Spoken:
    times = [("word", round(begin * 1000), round(until * 1000)) for begin, until in words]
    return side, Segment("Somebody", round(start * 1000), round(end * 1000), "Words.", None, times or None)


ANSWERS = (said(CUSTOMER, 0, 4), said(AGENT, 4.6, 9))
WAITS = (*ANSWERS, said(CUSTOMER, 9.2, 12), said(AGENT, 13, 15), said(CUSTOMER, 15, 18), said(AGENT, 58, 60))
CUTS_IN = (said(CUSTOMER, 0, 5), said(AGENT, 3.5, 9))


class TestPatience:
    @pytest.mark.parametrize(
        ("talk", "seconds"),
        [
            (ANSWERS, 0.6),
            (WAITS, 1.0),
            (WAITS[:4], 0.8),
            (CUTS_IN, 0.0),
            ((*CUTS_IN, said(CUSTOMER, 9.5, 12), said(AGENT, 12.5, 14)), 0.25),
            ((said(CUSTOMER, 0, 4), said(AGENT, 4, 6)), 0.0),
            ((said(CUSTOMER, 0, 2), said(CUSTOMER, 5, 7), said(AGENT, 7.3, 9)), 0.3),
            ((said(CUSTOMER, 0, 3), said(AGENT, 3.4, 5), said(AGENT, 8, 9)), 0.4),
            ((said(AGENT, 0, 5), said(CUSTOMER, 5, 5.6), said(AGENT, 5.8, 9)), 0.2),
            ((said(AGENT, 0, 5), said(CUSTOMER, 4.95, 5.6), said(AGENT, 5.8, 9)), 0.2),
        ],
        ids=[
            "one answer",
            "one long search weighs no more than any other wait",
            "between two waits is their middle",
            "who cuts in has not waited",
            "cutting in counts among the waits",
            "times that touch are no wait",
            "it counts from where the customer ended at last",
            "who goes on after a pause of its own waits for nobody",
            "a short answer into a pause is a turn",
            "and so it is when it begins before anybody hears that",
        ],
    )
    def test_is_the_median_wait_after_the_customer(self, talk: tuple[Spoken, ...], seconds: float) -> None:
        assert turn_taking(talk).patience_seconds == seconds

    def test_is_not_known_when_the_agent_never_follows_the_customer(self) -> None:
        assert turn_taking([said(AGENT, 0, 5), said(CUSTOMER, 6, 10)]) == TurnTaking(None, 0)

    def test_does_not_count_who_follows_somebody_unknown(self) -> None:
        talk = [said(CUSTOMER, 0, 3), said(None, 3.5, 6), said(AGENT, 6.5, 9)]

        assert turn_taking(talk).patience_seconds is None

    def test_passes_over_a_sign_of_listening(self) -> None:
        talk = [said(CUSTOMER, 0, 4), said(AGENT, 3.7, 4.2), said(AGENT, 5.5, 9)]

        assert turn_taking(talk) == TurnTaking(1.5, 0)


class TestInterruptions:
    @pytest.mark.parametrize(
        ("talk", "count"),
        [
            (CUTS_IN, 1),
            ((*CUTS_IN, said(CUSTOMER, 10, 14), said(AGENT, 13, 16)), 2),
            ((said(CUSTOMER, 0, 10), said(AGENT, 4, 4.4), said(AGENT, 7, 8.8)), 0),
            ((said(CUSTOMER, 0, 5), said(AGENT, 4.7, 5.3)), 0),
            ((said(CUSTOMER, 0, 5), said(AGENT, 4.5, 5.5)), 1),
            ((said(CUSTOMER, 0, 5), said(AGENT, 4.88, 9)), 0),
            ((said(CUSTOMER, 0, 5), said(AGENT, 4.87, 9)), 1),
            ((said(CUSTOMER, 0, 5), said(AGENT, 0, 9)), 0),
            ((said(AGENT, 0, 5), said(CUSTOMER, 3.5, 9)), 0),
            ((said(CUSTOMER, 0, 5), said(AGENT, 4.5, 4.9), said(AGENT, 5.4, 9)), 1),
            ((said(AGENT, 0, 5), said(CUSTOMER, 4.8, 5.6), said(AGENT, 5.4, 9)), 0),
            ((said(CUSTOMER, 0, 3), said(AGENT, 3.3, 6), said(CUSTOMER, 3.6, 4)), 0),
            ((said(CUSTOMER, 0, 5), said(AGENT, 5, 10), said(CUSTOMER, 5.8, 6.1)), 0),
            ((said(CUSTOMER, 0, 5), said(AGENT, 4.999, 10), said(CUSTOMER, 5.8, 6.1)), 0),
            ((said(CUSTOMER, 0, 4.25), said(CUSTOMER, 4.3, 5), said(AGENT, 4.2, 9)), 1),
            ((said(CUSTOMER, 4.95, 5.5), said(AGENT, 5, 5.05), said(AGENT, 5.2, 6.1)), 1),
        ],
        ids=[
            "takes the turn",
            "twice",
            "while the customer goes on it takes no turn, however long it is",
            "a short word over the end takes no turn",
            "a second long it does",
            "an overlap that nobody hears is none",
            "one that is heard is",
            "who begins together interrupts nobody",
            "that of the customer is not the agent's",
            "a short pause does not end what began over the customer",
            "who goes on over a sign of listening interrupts nobody",
            "in a pause of the customer it is none",
            "after which the customer says a short word",
            "and when it begins before anybody hears that",
            "between two words it does not end what the customer says",
            "a short first word belongs to what follows",
        ],
    )
    def test_are_turns_taken_while_the_customer_speaks(self, talk: tuple[Spoken, ...], count: int) -> None:
        assert turn_taking(talk).interruption_count == count

    def test_are_found_by_the_times_of_words(self) -> None:
        customer = said(CUSTOMER, 0, 8, (0, 2), (2, 4))
        agent = said(AGENT, 3, 9, (4.5, 6), (6, 8))

        assert turn_taking([customer, agent]) == TurnTaking(0.5, 0)

    def test_a_word_without_length_is_not_heard(self) -> None:
        customer = said(CUSTOMER, 0, 5, (0, 2), (2.35, 4))
        agent = said(AGENT, 2.2, 9, (2.2, 2.2), (5, 9))

        assert turn_taking([customer, agent]) == TurnTaking(1.0, 0)


@pytest.mark.parametrize(
    "talk",
    [
        (),
        (said(AGENT, 0, 5),),
        (said(None, 0, 5), said(None, 6, 9)),
        (said(CUSTOMER, 0, 5), said(None, 6, 9)),
        (said(CUSTOMER, 0, 0), said(AGENT, 0, 0)),
        (said(CUSTOMER, 0, 4), said(AGENT, 4, 4)),
    ],
    ids=["nothing", "one side", "no sides", "one side known", "no times", "no times of one side"],
)
def test_says_nothing_where_nothing_can_be_known(talk: tuple[Spoken, ...]) -> None:
    assert turn_taking(talk) == UNKNOWN


times = st.integers(0, 30_000)
lengths = st.integers(0, 6_000)
moments = st.integers(0, 500)
overlaps = st.integers(-PERCEIVED_OVERLAP_MS, 500)
turns = st.integers(500, 6_000)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    start_ms = draw(times)
    cuts = sorted(draw(st.lists(st.integers(0, 6_000), max_size=4)))
    words: list[Word] = [("word", start_ms + begin, start_ms + until) for begin, until in itertools.pairwise(cuts)]
    end_ms = max([start_ms + draw(lengths), *(until for _, _, until in words)])
    return Segment("Somebody", start_ms, end_ms, "Words.", None, words or None)


talks = st.lists(st.tuples(st.sampled_from((AGENT, CUSTOMER, CUSTOMER, AGENT, None)), segments()), max_size=14)


def moved(talk: list[Spoken], ms: int) -> list[Spoken]:
    return [
        (
            side,
            dataclasses.replace(
                one,
                start_ms=one.start_ms + ms,
                end_ms=one.end_ms + ms,
                words=[(text, start + ms, end + ms) for text, start, end in one.words] if one.words else None,
            ),
        )
        for side, one in talk
    ]


def swapped(talk: list[Spoken]) -> list[Spoken]:
    other = {AGENT: CUSTOMER, CUSTOMER: AGENT, None: None}
    return [(other[side], one) for side, one in talk]


class TestLaws:
    @given(talks)
    def test_nothing_is_negative(self, talk: list[Spoken]) -> None:
        found = turn_taking(talk)

        assert found.patience_seconds is None or found.patience_seconds >= 0
        assert found.interruption_count is None or 0 <= found.interruption_count <= len(talk)

    @given(talks, st.integers(0, 10_000_000))
    def test_it_does_not_matter_when_the_talk_begins(self, talk: list[Spoken], ms: int) -> None:
        assert turn_taking(moved(talk, ms)) == turn_taking(talk)

    @given(talks)
    def test_sides_that_do_the_same_are_measured_alike(self, half: list[Spoken]) -> None:
        between = (None, Segment("Somebody else", 50_000, 51_000, "Words.", None, None))
        talk = [*half, between, *moved(swapped(half), 100_000)]

        assert turn_taking(swapped(talk)) == turn_taking(talk)

    @given(st.lists(st.tuples(st.sampled_from((AGENT, CUSTOMER)), moments, moments | lengths), min_size=6, max_size=20))
    def test_without_overlap_nobody_interrupts(self, parts: list[tuple[str | None, int, int]]) -> None:
        talk, at_ms = list[Spoken](), 0
        for side, pause_ms, length_ms in parts:
            talk.append((side, Segment("Somebody", at_ms + pause_ms, at_ms + pause_ms + length_ms, "Words.")))
            at_ms += pause_ms + length_ms

        assert turn_taking(talk).interruption_count in (0, None)

    @given(st.lists(st.tuples(st.sampled_from((AGENT, CUSTOMER)), overlaps, turns), min_size=3, max_size=20))
    def test_an_overlap_that_nobody_hears_changes_nothing(self, parts: list[tuple[str, int, int]]) -> None:
        heard, touching, at_ms = list[Spoken](), list[Spoken](), 0
        for side, pause_ms, length_ms in parts:
            start_ms = max(0, at_ms + pause_ms)
            if touching:
                before = touching[-1][1]
                touching[-1] = touching[-1][0], dataclasses.replace(before, end_ms=min(before.end_ms, start_ms))
            at_ms = start_ms + length_ms
            one = Segment("Somebody", start_ms, at_ms, "Words.")
            heard.append((side, one))
            touching.append((side, one))

        assert turn_taking(heard) == turn_taking(touching)

    @given(talks)
    def test_segments_cut_into_words_that_touch_say_the_same(self, talk: list[Spoken]) -> None:
        plain = [(side, dataclasses.replace(one, words=None)) for side, one in talk]
        cut = [
            (
                side,
                dataclasses.replace(
                    one,
                    words=[
                        ("one", one.start_ms, (one.start_ms + one.end_ms) // 2),
                        ("two", (one.start_ms + one.end_ms) // 2, one.end_ms),
                    ],
                ),
            )
            for side, one in plain
        ]

        assert turn_taking(cut) == turn_taking(plain)
