"""Uploads of calls by the Conversations API: with files, without, again, with progress, by either client."""

from __future__ import annotations

import asyncio
import datetime
import io
from pathlib import Path

import pytest

from callfloor_sdk import InvalidInput, UploadFields
from callfloor_sdk.conversations_types import CallRecord, ParticipantInput, Segment
from callfloor_sdk.types import UploadMutedIntervals, UploadParticipants
from sdk_support.installation import Installation
from tests.factories.audio import make_wav

SAID = [
    Segment(speaker="Agent", start=0.4, end=2.0, text="Good morning, billing."),
    Segment(speaker="Customer", start=2.5, end=5.0, text="I would like a refund."),
]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A short recording of silence and a tone."""
    path = tmp_path / "call.wav"
    path.write_bytes(make_wav(seconds=30))
    return path


def test_uploads_a_file_with_all_that_is_known_of_it(installation: Installation, recording: Path) -> None:
    told: list[tuple[int, int]] = []
    with installation.client(installation.team()) as client:
        call = client.conversations.upload_call(
            recording,
            external_call_id="pbx-1",
            date=datetime.datetime(2026, 11, 3, 9, 30, tzinfo=datetime.UTC),
            direction="inbound",
            caller="+49 30 1",
            participants=[ParticipantInput(name="Cleo", email="cleo@customer.example")],
            channels={"0": "customer"},
            on_progress=lambda sent, total: told.append((sent, total)),
        )
        again = client.conversations.upload_call(recording, external_call_id="pbx-1")
        found = client.conversations.call(call.id)

    size = recording.stat().st_size
    assert (call.http_status, again.http_status, again.id) == (202, 200, call.id)
    assert (found.external_call_id, found.direction, found.caller) == ("pbx-1", "inbound", "+49 30 1")
    assert found.date == datetime.datetime(2026, 11, 3, 9, 30, tzinfo=datetime.UTC)
    assert [one.email for one in found.participants] == ["cleo@customer.example"]
    assert told[-1] == (size, size)
    assert [sent for sent, _ in told] == sorted({sent for sent, _ in told})


def test_uploads_a_transcript_without_any_file(installation: Installation) -> None:
    with installation.client(installation.team()) as client:
        call = client.conversations.upload_call(transcript=SAID, name="Refund")
        found = client.conversations.call(call.id, expand=["meeting_transcript"])

    assert found.name == "Refund"
    assert found.transcript is not None
    assert [(one.speaker, one.start, one.text) for one in found.transcript] == [
        (one.speaker, one.start, one.text) for one in SAID
    ]


def test_uploads_a_transcript_as_a_file(installation: Installation) -> None:
    cues = b"WEBVTT\n\n00:00:00.400 --> 00:00:02.000\n<v Agent>Good morning.\n"
    with installation.client(installation.team()) as client:
        call = client.conversations.upload_call(transcript_file=io.BytesIO(cues))
        found = client.conversations.call(call.id, expand=["meeting_transcript"])

    assert found.transcript is not None
    assert [one.text for one in found.transcript] == ["Good morning."]


def test_the_awaited_client_uploads_the_same(installation: Installation, recording: Path) -> None:
    content = recording.read_bytes()

    async def work() -> tuple[CallRecord, CallRecord]:
        async with installation.async_client(installation.team()) as client:
            first = await client.conversations.upload_call(content, name="Bytes")
            again = await client.conversations.upload_call(recording)
        return first, again

    first, again = asyncio.run(work())

    assert (first.http_status, again.http_status, again.id) == (202, 200, first.id)


def test_the_callfloor_api_takes_calls_and_meetings(installation: Installation, recording: Path) -> None:
    cues = b"WEBVTT\n\n00:00:00.400 --> 00:00:02.000\n<v Ada Byron>Good morning.\n"
    with installation.client(installation.team()) as client:
        call = client.calls.upload(
            recording, external_call_id="pbx-9", muted_intervals=[UploadMutedIntervals(start=1.0, end=2.5)]
        )
        again = client.calls.upload(recording, external_call_id="pbx-9")
        meeting = client.meetings.upload(
            transcript_file=io.BytesIO(cues),
            name="Weekly",
            participants=[UploadParticipants(name="Ada Byron", email="ada@ours.example", is_internal=True)],
        )
        said = client.meetings.get(meeting.id).transcript

    assert (call.http_status, again.http_status, again.id) == (202, 200, call.id)
    assert (meeting.name, [one.is_internal for one in meeting.participants]) == ("Weekly", [True])
    assert [(one.speaker, one.text) for one in said or ()] == [("Ada Byron", "Good morning.")]


def test_a_refusal_names_the_fields(installation: Installation) -> None:
    with installation.client(installation.team()) as client:
        with pytest.raises(InvalidInput) as nothing:
            client.conversations.upload_call(b"no recording", name="Text")
        with pytest.raises(InvalidInput) as wrong:
            client.conversations.calls(page_size=1000).first()

    assert (nothing.value.status, [error.field for error in nothing.value.errors]) == (415, ["file"])
    assert [(error.field, bool(error.expected)) for error in wrong.value.errors] == [("pageSize", True)]


def test_an_instant_that_nobody_can_place_is_not_sent(installation: Installation, recording: Path) -> None:
    somewhen = datetime.datetime(2026, 11, 3, 9, 30)  # noqa: DTZ001  # that is the mistake
    with installation.client(installation.team()) as client:
        with pytest.raises(ValueError, match="time zone"):
            client.conversations.upload_call(recording, date=somewhen)
        with pytest.raises(ValueError, match="time zone"):
            client.calls.upload(transcript="WEBVTT", date=somewhen)
        with pytest.raises(ValueError, match="time zone"):
            client.uploads.send(recording, UploadFields(date=somewhen))
        with pytest.raises(ValueError, match="time zone"):
            client.webhooks.redeliver_many(1, since=somewhen)

        assert client.conversations.calls(scopes=["internal", "external"]).first().data == []
