"""The transcription job on real recordings with the small model."""

from __future__ import annotations

import os
import random
from functools import partial
from pathlib import Path

import pytest

from callfloor.analysis.jobs import TRANSCRIBE_CONVERSATION, WAIT_FOR_MODEL
from callfloor.conversations.arrival import TRANSCRIBE
from callfloor.conversations.parties import Party
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR
from callfloor.foundation.database import Database
from callfloor.foundation.jobs import Enqueue, enqueue, newest_jobs
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.analysis.conftest import (
    WRONG_NUMBER_PATIENCE_SECONDS,
    WRONG_NUMBER_SECONDS,
    Receive,
    open_with,
    receive,
)
from tests.analysis.looking import Outcome, outcome_of
from tests.factories.audio import make_wav

DANA = Party(name="Dana", is_internal=True)
SAM = Party(email="sam@customer.example")


def run(services: Services, team: Team, *, after: int = 0) -> list[str]:
    return drain(services, [TRANSCRIBE_CONVERSATION], now=clock.now() + after, team_id=team.id)


def files(services: Services) -> list[Path]:
    return [path for path in (services.settings.data / "files").rglob("*") if path.is_file()]


class TestCall:
    def test_becomes_a_transcript_with_speakers_and_measures(
        self, services: Services, team: Team, received: Receive, wrong_number: bytes
    ) -> None:
        call = received(wrong_number, parties=[DANA, SAM])

        run(services, team)

        outcome = outcome_of(services.db, team.id, call)
        assert (outcome.status, outcome.reason) == ("analyzed", None)
        assert "wrong number" in outcome.text
        assert {segment.speaker for segment in outcome.segments} == {"Dana", "sam@customer.example"}
        assert outcome.segments[0].speaker == "Dana"
        assert sum(outcome.permilles) in range(999, 1002)
        assert outcome.duration_ms == WRONG_NUMBER_SECONDS * 1000
        assert outcome.language == "en"
        assert 0 < outcome.metrics["speak_share"] < 1
        assert 0 < outcome.metrics["silence_share"] < 1
        assert outcome.metrics["patience_seconds"] == pytest.approx(WRONG_NUMBER_PATIENCE_SECONDS, abs=0.4)
        assert outcome.metrics["interruption_count"] == 0
        assert outcome.events == ["call.received", "call.analyzed"]
        for segment in outcome.segments:
            times = [at for _, start, end in segment.words or () for at in (start, end)]
            assert times == sorted(times)
            assert segment.start_ms == times[0] <= times[-1] == segment.end_ms

    def test_is_not_doubled_when_the_job_comes_again(self, services: Services, team: Team, received: Receive) -> None:
        call = received(make_wav(seconds=1, rate_hz=16000))
        run(services, team)
        before = outcome_of(services.db, team.id, call)

        order = Enqueue(kind=TRANSCRIBE, args={"conversation_id": call}, team_id=team.id, now=clock.now())
        services.db.write_now(partial(enqueue, order=order))
        run(services, team)

        assert vars(outcome_of(services.db, team.id, call)) == vars(before)

    def test_without_words_says_so(self, services: Services, team: Team, received: Receive) -> None:
        call = received(make_wav(seconds=2, rate_hz=16000))

        run(services, team)

        outcome = outcome_of(services.db, team.id, call)
        assert (outcome.status, outcome.code) == ("analyzed", "no_speech")
        assert outcome.reason == "Nobody speaks in the recording."
        assert outcome.segments == []
        assert outcome.metrics["silence_share"] == 1.0


class TestBadRecording:
    def test_that_is_cut_short_is_transcribed_as_far_as_it_goes(
        self, services: Services, team: Team, received: Receive, wrong_number: bytes
    ) -> None:
        call = received(wrong_number[: len(wrong_number) // 3])

        run(services, team)

        outcome = outcome_of(services.db, team.id, call)
        assert (outcome.status, outcome.code) == ("analyzed", "imperfect")
        assert "cut short" in (outcome.reason or "")
        assert outcome.segments

    def test_of_silence_fails_with_a_reason_and_is_kept(
        self, services: Services, team: Team, received: Receive
    ) -> None:
        call = received(make_wav(seconds=1, tone_hz=0))

        run(services, team)

        outcome = outcome_of(services.db, team.id, call)
        assert (outcome.status, outcome.code) == ("failed", "silent")
        assert outcome.reason == "The recording is silent from beginning to end."
        assert outcome.events == ["call.received", "call.failed"]
        assert len(files(services)) == 1

    def test_of_noise_behind_a_good_beginning_fails_with_a_reason(
        self, services: Services, team: Team, received: Receive
    ) -> None:
        noise = random.Random(3).randbytes(200_000)  # noqa: S311  # noise, the same each time
        broken = {
            "mp3": b"ID3\x04\x00\x00\x00\x00\x00\x00" + noise,
            "flac": b"fLaC" + noise,
            "ogg": b"OggS" + noise,
            "m4a": b"\x00\x00\x00\x20ftypM4A " + noise,
        }
        calls = [received(content, container=name) for name, content in broken.items()]

        run(services, team)

        outcomes = [outcome_of(services.db, team.id, call) for call in calls]
        assert all(o.status == "failed" or o.segments == [] for o in outcomes), [(o.status, o.reason) for o in outcomes]
        assert all(o.reason for o in outcomes)
        assert len(files(services)) == 4

    def test_that_is_gone_fails_with_a_reason(self, services: Services, team: Team, received: Receive) -> None:
        call = received(make_wav(seconds=1))
        for file in files(services):
            file.unlink()

        run(services, team)

        assert outcome_of(services.db, team.id, call).code == "recording_missing"


def test_leaves_no_scratch_behind_and_removes_what_a_killed_worker_left(
    services: Services, team: Team, received: Receive
) -> None:
    scratch = services.settings.data / "scratch"
    for name, age in (("transcribe-old", 2 * DAY), ("transcribe-running", HOUR)):
        (scratch / name).mkdir(parents=True)
        os.utime(scratch / name, ((clock.now() - age) / 1000,) * 2)
    received(make_wav(seconds=1, tone_hz=0))

    run(services, team)

    assert [folder.name for folder in scratch.iterdir()] == ["transcribe-running"]


def test_waits_for_a_missing_model_and_names_the_cure(db: Database, team: Team, tmp_path: Path) -> None:
    poor = open_with(db, tmp_path / "data", models_dir=tmp_path / "none")
    call = receive(poor, team, make_wav(seconds=1, rate_hz=16000))
    run(poor, team)
    waiting = outcome_of(db, team.id, call)

    assert (waiting.status, waiting.code) == ("queued", "speech_unavailable")
    assert "callfloor models install" in (waiting.reason or "")
    assert run(poor, team) == []

    cured = open_with(db, tmp_path / "data")
    assert len(run(cured, team, after=WAIT_FOR_MODEL + 1000)) == 1
    assert outcome_of(db, team.id, call).status == "analyzed"


def test_fails_the_call_together_with_its_job(db: Database, team: Team, tmp_path: Path) -> None:
    services = open_with(db, tmp_path / "data")
    call = receive(services, team, make_wav(seconds=1))
    (tmp_path / "data" / "scratch").write_text("a file where a folder must be")

    attempts = [len(run(services, team, after=n * HOUR)) for n in range(6)]

    outcome: Outcome = outcome_of(db, team.id, call)
    assert attempts == [1, 1, 1, 1, 1, 0]
    assert (outcome.status, outcome.code) == ("failed", "analysis_failed")
    assert "5 times" in (outcome.reason or "")
    jobs = db.read_now(partial(newest_jobs, team_id=team.id))
    assert [job.state for job in jobs] == ["failed"]
