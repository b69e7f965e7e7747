"""Redactions that meet something else on their way: a hold, a job that is silencing or analyzing, a lost file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.conversations.attaching import attach_silenced
from callfloor.conversations.holds import LegalHold, PlaceHold, place_hold
from callfloor.conversations.incoming import announce_file
from callfloor.conversations.intake import StoredRecording
from callfloor.conversations.locking import Which
from callfloor.conversations.muting import MutedInterval, held_recording, muted_spans
from callfloor.conversations.outcomes import (
    Analyzed,
    begin_processing,
    has_file,
    material_of,
    record_analysis,
    withhold_recording,
)
from callfloor.conversations.redacting import (
    REDACT,
    RedactConversation,
    redact_conversation,
    redactions_below,
    resume_redactions,
)
from callfloor.conversations.redaction_jobs import REDACT_RECORDING, give_up
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment, transcripts_of
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import JobState, JobStatus, cancel, newest_jobs
from callfloor.foundation.jobs.attempts import ClaimedJob
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Upload
from callfloor.teams.teams import Team
from tests.analysis.conftest import open_with, receive
from tests.analysis.looking import outcome_of
from tests.factories.audio import make_wav
from tests.factories.conversations import make_conversation, make_recorded_call
from tests.factories.teams import make_team
from tests.support.racing import between

SAID = (Segment("Cleo", 0, 900, "Hello."), Segment("Cleo", 1000, 1900, "It is 4111."))


@pytest.fixture
def team(db: Database) -> Team:
    return make_team(db)


@pytest.fixture
def services(db: Database, tmp_path: Path) -> Services:
    return open_with(db, tmp_path)


def redaction_of(team: Team, call: str, start_ms: int, end_ms: int) -> Any:
    """Return the verb that redacts a part of a call."""
    which = Which(team.id, ConversationKind.CALL, call)
    command = RedactConversation(which, [MutedInterval(start_ms, end_ms)], OPERATOR, clock.now())
    return functools.partial(redact_conversation, command=command)


def hold_of(team: Team, call: str) -> Any:
    """Return the verb that places a hold on a call."""
    command = PlaceHold(team.id, "Case 1", OPERATOR, clock.now(), conversation_id=call)
    return functools.partial(place_hold, command=command)


def said_in(db: Database, team: Team, call: str) -> list[str]:
    found = db.read_now(functools.partial(transcripts_of, team_id=team.id, ids=[call]))
    return [segment.text for segment in found.get(call, ())]


def states(db: Database, team: Team, call: str) -> list[str]:
    found = db.read_now(functools.partial(redactions_below, team_id=team.id, conversation_id=call, take=10))
    return [one.state for one in found]


def analysis_of(team: Team, call: str) -> Analyzed:
    return Analyzed(
        team_id=team.id,
        conversation_id=call,
        now=clock.now(),
        duration_ms=2000,
        language="en",
        segments=SAID,
        metrics={},
        speak_shares={},
    )


def test_a_hold_that_is_being_placed_is_waited_for(db: Database, team: Team) -> None:
    call = make_conversation(db, team, transcript=SAID)

    refused = between(db, hold_of(team, call), redaction_of(team, call, 1000, 2000))

    assert isinstance(refused, LegalHold)
    assert said_in(db, team, call) == ["Hello.", "It is 4111."]


def test_a_hold_waits_for_a_redaction(db: Database, team: Team) -> None:
    call = make_conversation(db, team, transcript=SAID)

    hold = between(db, redaction_of(team, call, 1000, 1500), hold_of(team, call))

    assert hold.conversation_id == call
    assert said_in(db, team, call) == ["Hello."]
    with pytest.raises(LegalHold):
        db.write_now(redaction_of(team, call, 0, 500))


def test_two_at_once_both_count(db: Database, team: Team) -> None:
    call = make_conversation(db, team, transcript=SAID)

    between(db, redaction_of(team, call, 0, 100), redaction_of(team, call, 1000, 1100))

    assert said_in(db, team, call) == []
    spans = db.read_now(functools.partial(muted_spans, team_id=team.id, conversation_id=call))
    assert spans == [(0.0, 0.1), (1.0, 1.1)]


def test_an_analysis_that_heard_it_before_does_not_bring_it_back(db: Database, team: Team) -> None:
    call = make_recorded_call(db, team)
    db.write_now(functools.partial(begin_processing, team_id=team.id, conversation_id=call, now=clock.now()))

    db.write_now(redaction_of(team, call, 1000, 2000))
    db.write_now(functools.partial(record_analysis, done=analysis_of(team, call)))

    assert said_in(db, team, call) == ["Hello."]


def test_words_without_a_length_go_too(db: Database, team: Team) -> None:
    words = (("It", 500, 900), ("4111", 1000, 1000), ("Thanks.", 2000, 2000))
    said = Segment("Cleo", 500, 2000, "It 4111 Thanks.", words=words)
    call = make_conversation(db, team, transcript=[said, Segment("Ben", 1999, 1999, "Mhm.")])

    db.write_now(redaction_of(team, call, 1000, 2000))

    assert said_in(db, team, call) == ["It Thanks."]


def test_an_analysis_does_not_begin_with_a_recording_that_was_withdrawn(db: Database, team: Team) -> None:
    """It had read where the recording lies, and loaded its model; begun, it would wait for nobody."""
    call = make_recorded_call(db, team)
    material = db.read_now(functools.partial(material_of, team_id=team.id, conversation_id=call))
    assert material is not None
    is_there = functools.partial(has_file, team_id=team.id, conversation_id=call, file_key=material.file_key)
    assert db.write_now(is_there)

    assert not between(db, redaction_of(team, call, 0, 500), is_there)


def test_a_recording_that_grew_too_large_is_withheld(db: Database, services: Services, team: Team) -> None:
    content = make_wav(seconds=2)
    call = receive(services, team, content)
    db.write_now(redaction_of(team, call, 0, 500))
    smaller = open_with(db, services.settings.data, upload=Upload(max_bytes=len(content) - 1))

    drain(smaller, [REDACT_RECORDING], now=clock.now(), team_id=team.id)

    assert states(db, team, call) == ["withheld"]
    outcome = outcome_of(db, team.id, call)
    assert (outcome.status, outcome.code) == ("failed", "too_large")


def test_one_that_cannot_be_silenced_for_hours_says_so_and_is_tried_again(
    db: Database, services: Services, team: Team
) -> None:
    """The store of files is away for longer than its job was tried."""
    call = receive(services, team, make_wav(seconds=2))
    db.write_now(redaction_of(team, call, 0, 500))
    (job,) = [one for one in db.read_now(functools.partial(newest_jobs, team_id=team.id)) if one.kind == REDACT]
    given_up = give_up(claimed(job), "No space left on device", clock.now())

    db.write_now(given_up)
    meanwhile = outcome_of(db, team.id, call)
    drain(services, [REDACT_RECORDING], now=clock.now(), team_id=team.id)
    db.write_now(given_up)  # nobody is told any more that it is not there

    after = outcome_of(db, team.id, call)
    assert (meanwhile.status, meanwhile.code) == ("queued", "recording_not_silenced")
    assert "No space left" in (meanwhile.reason or "")
    assert (after.status, after.reason, states(db, team, call)) == ("queued", None, ["done"])


def test_why_the_recording_was_away_is_not_said_when_it_is_back(db: Database, services: Services, team: Team) -> None:
    call = receive(services, team, make_wav(seconds=2))
    db.write_now(functools.partial(record_analysis, done=analysis_of(team, call)))
    db.write_now(redaction_of(team, call, 0, 500))
    (job,) = [one for one in db.read_now(functools.partial(newest_jobs, team_id=team.id)) if one.kind == REDACT]
    db.write_now(give_up(claimed(job), "No space left on device", clock.now()))
    meanwhile = outcome_of(db, team.id, call)

    drain(services, [REDACT_RECORDING], now=clock.now(), team_id=team.id)

    after = outcome_of(db, team.id, call)
    assert (meanwhile.status, meanwhile.code) == ("analyzed", "recording_not_silenced")
    assert (after.status, after.code, after.reason) == ("analyzed", None, None)


def claimed(job: JobStatus) -> ClaimedJob:
    """Return a job as its worker has it at its last attempt."""
    return ClaimedJob(
        id=job.id,
        team_id=job.team_id,
        kind=job.kind,
        queue=job.queue,
        priority=job.priority,
        args=job.args,
        attempt=20,
        max_attempts=None,
        claim=20,
        owner="a worker",
        created_at=job.created_at,
    )


def test_a_segment_that_lost_its_words_before_is_not_counted_again(db: Database, team: Team) -> None:
    words = (("It", 0, 400), ("is", 500, 900), ("4111.", 1000, 1900))
    call = make_conversation(db, team, transcript=[Segment("Cleo", 0, 1900, "It is 4111.", words=words)])

    counts = [
        db.write_now(redaction_of(team, call, start, start + 100)).counts["segments"]
        for start in (1000, 700, 450, 5000)
    ]

    assert counts == [1, 1, 0, 0]
    assert said_in(db, team, call) == ["It"]


def test_a_recording_that_came_back_is_not_withheld(db: Database, team: Team) -> None:
    """The job was killed between giving it back and its own end, for the last time."""
    call = make_recorded_call(db, team)
    reason = ("recording_not_silenced", "It could not be silenced.")

    db.write_now(
        functools.partial(withhold_recording, team_id=team.id, conversation_id=call, reason=reason, now=clock.now())
    )

    assert outcome_of(db, team.id, call).status == "queued"


def test_a_recording_that_is_silent_in_too_little_by_now_waits_on(db: Database, team: Team) -> None:
    """Its job had read what was to be silent when another part was added."""
    call = make_recorded_call(db, team)
    db.write_now(redaction_of(team, call, 0, 500))
    file_id = new_id()
    kept = StoredRecording(file_id, f"recordings/{team.id}/{file_id}", 44, new_id(), "audio/wav", None)
    db.write_now(
        functools.partial(announce_file, team_id=team.id, file_id=kept.id, file_key=kept.file_key, now=clock.now())
    )
    attach = functools.partial(attach_silenced, team_id=team.id, conversation_id=call, kept=kept, now=clock.now())

    db.write_now(redaction_of(team, call, 1000, 1500))
    db.write_now(functools.partial(attach, spans=[(0.0, 0.5)]))

    held = db.read_now(functools.partial(held_recording, team_id=team.id, conversation_id=call))
    assert held is not None
    assert held.file_id != kept.id


def test_a_recording_that_is_lost_is_withheld_and_the_call_says_why(
    db: Database, services: Services, team: Team
) -> None:
    call = make_recorded_call(db, team)
    db.write_now(functools.partial(begin_processing, team_id=team.id, conversation_id=call, now=clock.now()))
    db.write_now(functools.partial(record_analysis, done=analysis_of(team, call)))
    db.write_now(redaction_of(team, call, 1000, 2000))

    drain(services, [REDACT_RECORDING], now=clock.now(), team_id=team.id)

    assert states(db, team, call) == ["withheld"]
    outcome = outcome_of(db, team.id, call)
    assert (outcome.status, outcome.reason) == ("analyzed", "The recording is no longer in the store of files.")
    assert said_in(db, team, call) == ["Hello."]


def test_one_whose_job_was_given_up_gets_another(db: Database, services: Services, team: Team) -> None:
    call = make_conversation(db, team, transcript=SAID)
    db.write_now(redaction_of(team, call, 1000, 2000))
    (job,) = db.read_now(functools.partial(newest_jobs, team_id=team.id))
    assert db.write_now(functools.partial(cancel, job_id=job.id, now=clock.now())) is JobState.CANCELLED

    db.write_now(functools.partial(resume_redactions, now=clock.now()))
    db.write_now(functools.partial(resume_redactions, now=clock.now()))
    ran = drain(services, [REDACT_RECORDING], now=clock.now(), team_id=team.id)

    assert len(ran) == 1
    assert states(db, team, call) == ["done"]
