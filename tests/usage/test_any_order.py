"""Any order, repetition, batching and folding of the same calls ends in the reports of a plain recount."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.foundation.clock import DAY, MINUTE
from callfloor.foundation.database import Database
from callfloor.usage.records import Features, FinishedCall
from tests.factories.usage import finished_call, record
from tests.usage.looking import asked, folded, page, rows_of
from tests.usage.plain import recounted

FIRST = 20_454
"""2026-01-01, a Thursday: month, week and quarter of the year begin near it."""
DAYS = 75
KINDS = ("user", "username", "device", "language")
CADENCES = ("daily", "weekly", "monthly")
_teams = itertools.count(10_000_000)

_seconds = st.sampled_from([0, 0, 1, 30, 60])


@st.composite
def revisions(draw: st.DrawFn) -> list[FinishedCall]:
    """Return the revisions of one call, which may move it to another day, language, person or length."""
    call_id, device_id = f"call-{draw(st.integers(0, 30))}", draw(st.sampled_from([1, 9, 10]))
    return [
        finished_call(
            FIRST + draw(st.integers(0, DAYS - 1)),
            call_id=call_id,
            device_id=device_id,
            revision=revision,
            username=draw(st.sampled_from(["ada", "Ada", "bob", "zoë", "9", "10"])),
            account_id=draw(st.sampled_from([None, 5, 40, 300])),
            language=draw(st.sampled_from([None, "en", "de-DE"])),
            at=draw(st.sampled_from([0, 15 * MINUTE, DAY // 2, DAY - 1])),
            mic_seconds=draw(_seconds),
            speaker_seconds=draw(_seconds),
            features=Features(draw(_seconds), transcription=draw(_seconds)),
        )
        for revision in range(1, draw(st.integers(1, 3)) + 1)
    ]


@dataclasses.dataclass(frozen=True)
class Story:
    """Batches as they arrive, after which of them is folded, and how many calls at once."""

    batches: list[list[FinishedCall]]
    folds: list[bool]
    fold_take: int

    @property
    def calls(self) -> list[FinishedCall]:
        """Return all calls."""
        return list(itertools.chain.from_iterable(self.batches))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Return calls in any order, some of them twice, in batches of any size."""
    # The same call and revision has the same content: that is what a re-send is.
    known = {
        (call.device_id, call.call_id, call.revision): call
        for one in draw(st.lists(revisions(), min_size=1, max_size=25))
        for call in one
    }
    calls = list(known.values())
    sent = draw(st.permutations([*calls, *draw(st.lists(st.sampled_from(calls), max_size=8))]))
    cuts = sorted(draw(st.sets(st.integers(1, len(sent)), max_size=5)))
    batches = [list(sent[start:end]) for start, end in itertools.pairwise([0, *cuts, len(sent)])]
    return Story(
        batches,
        draw(st.lists(st.booleans(), min_size=len(batches), max_size=len(batches))),
        draw(st.sampled_from([1, 3, 500])),
    )


def told(db: Database, story: Story) -> int:
    """Record and fold the story in a team of its own; returns the team's id."""
    team_id = next(_teams)
    for batch, is_folded in zip(story.batches, story.folds, strict=True):
        record(db, team_id, batch)
        if is_folded:
            folded(db, team_id, take=story.fold_take)
    folded(db, team_id, take=story.fold_take)
    return team_id


def assert_reports_are(db: Database, team_id: int, calls: Sequence[FinishedCall], first: int, last: int) -> None:
    """Hold every report of these days against the recount."""
    for kind, cadence in itertools.product(KINDS, CADENCES):
        found = page(db, asked(team_id, kind, first, last, cadence))
        expected = recounted(calls, kind, first, last, cadence)
        assert rows_of(found) == expected, (kind, cadence)
        assert found.total == len(expected), (kind, cadence)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=stories(), days=st.tuples(st.integers(0, DAYS - 1), st.integers(0, DAYS - 1)))
def test_reports_are_those_of_a_recount(db: Database, story: Story, days: tuple[int, int]) -> None:
    team_id = told(db, story)

    assert_reports_are(db, team_id, story.calls, FIRST + min(days), FIRST + max(days))
    assert_reports_are(db, team_id, story.calls, FIRST, FIRST + DAYS)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=stories(), size=st.integers(1, 7), days=st.tuples(st.integers(0, DAYS - 1), st.integers(0, DAYS - 1)))
def test_pages_together_are_the_report(db: Database, story: Story, size: int, days: tuple[int, int]) -> None:
    team_id = told(db, story)
    first, last = FIRST + min(days), FIRST + max(days)

    for cadence in CADENCES:
        whole = recounted(story.calls, "username", first, last, cadence)
        question = asked(team_id, "username", first, last, cadence)
        pages = [page(db, question, skip=skip, take=size) for skip in range(0, len(whole) + size, size)]
        assert [row for found in pages for row in rows_of(found)] == whole
        assert {found.total for found in pages} == {len(whole)}
