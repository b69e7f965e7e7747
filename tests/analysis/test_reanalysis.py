"""A call analyzed anew with the small model, and one whose analysis meets a redaction."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.analysis.jobs import TRANSCRIBE_CONVERSATION
from callfloor.conversations.changes import CHANGES, CHANGES_AFTER
from callfloor.conversations.holds import PlaceHold, place_hold
from callfloor.conversations.locking import Which
from callfloor.conversations.muting import MutedInterval
from callfloor.conversations.outcomes import begin_processing, material_of
from callfloor.conversations.reanalyzing import Reanalyze, reanalyze_conversation
from callfloor.conversations.redacting import RedactConversation, redact_conversation
from callfloor.conversations.redaction_jobs import REDACT_RECORDING
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.jobs import BACKGROUND_PRIORITY, newest_jobs
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.analysis.conftest import WRONG_NUMBER_SECONDS, Receive
from tests.analysis.looking import outcome_of


@pytest.fixture(autouse=True)
def feed(db: Database) -> None:
    db.write_now(partial(prepare, what=CHANGES))


def run(services: Services, team: Team) -> None:
    drain(services, [TRANSCRIBE_CONVERSATION, REDACT_RECORDING], now=clock.now(), team_id=team.id)


def reanalysis_of(team: Team, call: str, language: str | None = None) -> Any:
    """Return the verb that has a call analyzed anew."""
    which = Which(team.id, ConversationKind.CALL, call)
    command = Reanalyze(which, OPERATOR, clock.now(), language)
    return partial(reanalyze_conversation, command=command)


def redaction_of(team: Team, call: str, start_ms: int, end_ms: int) -> Any:
    """Return the verb that redacts a part of a call."""
    which = Which(team.id, ConversationKind.CALL, call)
    command = RedactConversation(which, [MutedInterval(start_ms, end_ms)], OPERATOR, clock.now())
    return partial(redact_conversation, command=command)


def language_of(services: Services, team: Team, call: str) -> str | None:
    """Return in which language its analysis would be."""
    material = services.db.read_now(partial(material_of, team_id=team.id, conversation_id=call))
    assert material is not None
    return material.language


def changes(db: Database, team: Team) -> list[str]:
    number_waiting(db, CHANGES)
    rows = db.read_now(lambda tx: tx.all(CHANGES_AFTER, {"team_id": team.id, "after": 0, "take": 100}))
    return [change for _, _, _, change, _ in rows]


def test_what_was_said_stays_until_the_new_analysis_takes_its_place(
    services: Services, team: Team, received: Receive, wrong_number: bytes
) -> None:
    call = received(wrong_number)
    run(services, team)
    before = outcome_of(services.db, team.id, call)

    services.db.write_now(reanalysis_of(team, call, "de"))
    meanwhile = outcome_of(services.db, team.id, call)
    (order,) = [job for job in services.db.read_now(partial(newest_jobs, team_id=team.id)) if job.finished_at is None]
    asked = language_of(services, team, call)
    run(services, team)

    after = outcome_of(services.db, team.id, call)
    assert (meanwhile.status, meanwhile.language, meanwhile.segments) == ("queued", "en", before.segments)
    assert order.priority == BACKGROUND_PRIORITY, "today's calls do not wait for it"
    assert (asked, language_of(services, team, call)) == ("de", "en")
    assert (after.status, after.language) == ("analyzed", "en"), "the small model knows nothing else"
    assert after.segments
    assert after.events == ["call.received", "call.analyzed", "call.analyzed"]
    told = ["created", "processing", "transcribed", "analyzed", "queued", "processing", "transcribed", "re_analyzed"]
    assert changes(services.db, team) == told


def test_one_that_fails_leaves_the_analysis_of_before_and_says_why(
    services: Services, team: Team, received: Receive, wrong_number: bytes
) -> None:
    call = received(wrong_number)
    run(services, team)
    before = outcome_of(services.db, team.id, call)
    for file in (services.settings.data / "files").rglob("*"):
        if file.is_file():
            file.unlink()

    services.db.write_now(reanalysis_of(team, call, "auto"))
    run(services, team)

    after = outcome_of(services.db, team.id, call)
    assert (after.status, after.code) == ("analyzed", "recording_missing")
    assert (after.segments, after.metrics, after.language) == (before.segments, before.metrics, "en")
    assert after.events[-1] == "call.failed"
    assert changes(services.db, team)[-2:] == ["processing", "failed"]


def test_a_hold_that_is_placed_before_its_turn_keeps_the_analysis_of_before(
    services: Services, team: Team, received: Receive, wrong_number: bytes
) -> None:
    call = received(wrong_number)
    run(services, team)
    before = outcome_of(services.db, team.id, call)
    services.db.write_now(reanalysis_of(team, call))

    hold = PlaceHold(team.id, "Case 1", OPERATOR, clock.now(), conversation_id=call)
    placed = services.db.write_now(partial(place_hold, command=hold))
    run(services, team)

    after = outcome_of(services.db, team.id, call)
    assert (after.status, after.code, after.segments) == ("analyzed", "legal_hold", before.segments)
    assert placed.id in (after.reason or "")


def test_a_call_that_had_failed_is_analyzed_for_the_first_time(
    services: Services, team: Team, received: Receive, wrong_number: bytes
) -> None:
    call = received(wrong_number)
    (file,) = [file for file in (services.settings.data / "files").rglob("*") if file.is_file()]
    aside = file.rename(services.settings.data / "aside")
    run(services, team)
    failed = outcome_of(services.db, team.id, call)
    aside.rename(file)

    services.db.write_now(reanalysis_of(team, call))
    run(services, team)

    after = outcome_of(services.db, team.id, call)
    assert (failed.status, after.status, after.reason) == ("failed", "analyzed", None)
    assert changes(services.db, team)[-2:] == ["transcribed", "analyzed"]


def test_the_language_is_the_one_that_was_asked_for_though_a_redaction_comes_first(
    services: Services, team: Team, received: Receive, wrong_number: bytes
) -> None:
    call = received(wrong_number)
    run(services, team)
    services.db.write_now(reanalysis_of(team, call, "de"))
    services.db.write_now(redaction_of(team, call, 14_000, 15_000))

    drain(services, [REDACT_RECORDING], now=clock.now(), team_id=team.id)

    assert language_of(services, team, call) == "de"


def test_a_call_that_is_redacted_while_its_worker_dies_is_analyzed_without_that_part(
    services: Services, team: Team, received: Receive, wrong_number: bytes
) -> None:
    """The job that comes again finds no recording; the one that follows finds it silent."""
    call = received(wrong_number)
    services.db.write_now(partial(begin_processing, team_id=team.id, conversation_id=call, now=clock.now()))

    services.db.write_now(redaction_of(team, call, 14_000, WRONG_NUMBER_SECONDS * 1000))
    run(services, team)

    outcome = outcome_of(services.db, team.id, call)
    assert outcome.status == "analyzed"
    assert outcome.segments
    assert "wrong number" not in outcome.text
    assert max(segment.start_ms for segment in outcome.segments) < 14_000
