"""A conversation comes in: its rows, its job and its event in one transaction, once however often it is sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import insert, select

from callfloor.access import audit
from callfloor.access.accounts import member_by_email
from callfloor.conversations.changes import Change, note_change
from callfloor.conversations.counts import count_conversation
from callfloor.conversations.events import tell
from callfloor.conversations.incoming import settle_file
from callfloor.conversations.intake import StoredRecording
from callfloor.conversations.muting import MutedInterval, hold_recording, keep_intervals
from callfloor.conversations.parties import DEFAULT_CHANNELS, Party, external_domains, is_external, permille, placed
from callfloor.conversations.persons import keep_persons, keys_of_persons
from callfloor.conversations.tables import (
    ConversationKind,
    ProcessingStatus,
    conversation,
    conversation_domain,
    conversation_participant,
    recording,
)
from callfloor.conversations.transcripts import Segment, replace_transcript
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import USUAL_PRIORITY, Enqueue, enqueue
from callfloor.teams.teams import domains_of_team

TRANSCRIBE = "transcribe_conversation"
"""The job kind that `analysis` runs for a conversation with a recording."""
FETCH = "fetch_recording"
"""The job kind that brings a recording from its address."""
SPEECH_QUEUE = "speech"
CONSENT_GRANTED, CONSENT_DECLINED = "granted", "declined"

_c = conversation.c
_add_conversation = (
    upsert(conversation)
    .values({column.name: param(column.name, column.type) for column in conversation.c})
    .on_conflict_do_nothing()
    .returning(_c.id)
)
_add_participant = insert(conversation_participant)
_add_domain = insert(conversation_domain)
_add_recording = insert(recording)
_same_kind = (_c.team_id == param("team_id"), _c.kind == param("kind"))
_by_external_id = select(_c.id).where(*_same_kind, _c.external_call_id == param("external_call_id"))
_by_content = select(_c.id).where(*_same_kind, _c.content_sha256 == param("content_sha256")).order_by(_c.id).limit(1)
_by_content_key = select(_c.id).where(*_same_kind, _c.content_key == param("content_key"))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What an upload says of a conversation; a recording, a transcript, or both."""

    team_id: int
    kind: ConversationKind
    conversation_id: str
    now: Millis
    actor: audit.Actor
    date: Millis
    name: str
    content_sha256: str
    direction: str | None = None
    caller: str | None = None
    callee: str | None = None
    external_call_id: str | None = None
    language: str | None = None
    owner_email: str | None = None
    maker_account_id: int | None = None
    key_id: int | None = None
    parties: Sequence[Party] = ()
    channels: Mapping[int, str] = dataclasses.field(default_factory=dict)
    recording: StoredRecording | None = None
    recording_url: str | None = None
    """Where a job fetches the recording, checked."""
    recording_consent: str | None = None
    """`granted` or `declined`; a conversation that nobody agreed to have recorded is kept, and not analyzed."""
    transcript: Sequence[Segment] | None = None
    metrics: Mapping[str, Any] | None = None
    muted: Sequence[MutedInterval] = ()
    """Pauses: silenced before anybody is given the recording; the transcript is without them already."""
    priority: int = USUAL_PRIORITY
    """Of its transcription, and of what is told of it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Received:
    """The conversation that stands for the upload; `is_new` is False when it was there before."""

    conversation_id: str
    is_new: bool


def receive_conversation(tx: Tx, arrival: Arrival) -> Received:
    """Store the conversation and start its analysis, unless it came before.

    The same external id, or without one the same content, is the same conversation: of two that come at the same
    moment the unique constraint lets one in. The recording of an upload that was not new is the caller's to delete.

    Raises:
        FileSwept: the recording lay unclaimed for so long that it was removed.
    """
    declined = None
    if arrival.recording_consent == CONSENT_DECLINED:
        declined = _declined(arrival)
        arrival = dataclasses.replace(arrival, transcript=None, metrics=None)
    known = _find(tx, arrival) if arrival.external_call_id is None else None
    if known is not None:
        return Received(known, is_new=False)
    parties = placed(arrival.parties, arrival.channels or DEFAULT_CHANNELS, domains_of_team(tx, arrival.team_id))
    if tx.one(_add_conversation, _row(tx, arrival, parties, declined)) is None:
        return Received(_found(tx, arrival), is_new=False)
    _store_parties(tx, arrival, parties)
    _store_recording(tx, arrival)
    if arrival.transcript is not None:
        replace_transcript(tx, arrival.team_id, arrival.conversation_id, arrival.transcript)
    _start_analysis(tx, arrival)
    _announce(tx, arrival)
    count_conversation(
        tx,
        arrival.team_id,
        arrival.kind.value,
        date=arrival.date,
        is_external=is_external(parties),
        domains=external_domains(parties),
    )
    return Received(arrival.conversation_id, is_new=True)


def _find(tx: Tx, arrival: Arrival) -> str | None:
    key = {"team_id": arrival.team_id, "kind": arrival.kind.value}
    if arrival.external_call_id is not None:
        row = tx.one(_by_external_id, {**key, "external_call_id": arrival.external_call_id})
    else:
        row = tx.one(_by_content, {**key, "content_sha256": arrival.content_sha256})
        # What was fetched has the hash of what came, and still stands for its address.
        row = row or tx.one(_by_content_key, {**key, "content_key": arrival.content_sha256})
    return row[0] if row else None


def _found(tx: Tx, arrival: Arrival) -> str:
    known = _find(tx, arrival)
    if known is None:
        raise LookupError(f"conversation {arrival.conversation_id} was refused, and none stands in its place")
    return known


def _declined(arrival: Arrival) -> str:
    """Return why it is not analyzed, and what of it is kept."""
    parts = []
    if arrival.recording is not None:
        parts.append("it is kept, and not analyzed")
    elif arrival.recording_url is not None:
        parts.append("it is not fetched")
    if arrival.transcript is not None:
        parts.append("the transcript that came is not kept")
    return f"Consent to the recording was declined: {'; '.join(parts)}."


def _row(tx: Tx, arrival: Arrival, parties: Sequence[Party], declined: str | None) -> dict[str, Any]:
    owner = member_by_email(tx, arrival.team_id, arrival.owner_email) if arrival.owner_email else None
    status = ProcessingStatus.QUEUED if arrival.transcript is None else ProcessingStatus.ANALYZED
    if declined is not None:
        status = ProcessingStatus.FAILED
    return {
        "team_id": arrival.team_id,
        "id": arrival.conversation_id,
        "kind": arrival.kind.value,
        "name": arrival.name,
        "date": arrival.date,
        "created_at": arrival.now,
        "updated_at": arrival.now,
        "duration_ms": max((s.end_ms for s in arrival.transcript), default=0)
        if arrival.transcript is not None
        else None,
        "processing_status": status.value,
        "processing_reason_code": None if declined is None else "consent_declined",
        "processing_reason": declined,
        "direction": arrival.direction,
        "caller": arrival.caller,
        "callee": arrival.callee,
        "external_call_id": arrival.external_call_id,
        "content_sha256": arrival.content_sha256,
        "content_key": arrival.content_sha256 if arrival.external_call_id is None else None,
        "language": arrival.language,
        "asked_language": None,
        "owner_account_id": owner if owner is not None else arrival.maker_account_id,
        "made_by_key_id": arrival.key_id,
        "is_external": is_external(parties),
        "recording_consent": arrival.recording_consent,
        "channels": {str(number): party for number, party in arrival.channels.items()},
        "customer_domains": external_domains(parties),
        "metrics": arrival.metrics,
        "outcome": None,
        "rating": None,
        "crm_reference": {},
        "comment_count": 0,
    }


def _store_parties(tx: Tx, arrival: Arrival, parties: Sequence[Party]) -> None:
    own = {"team_id": arrival.team_id, "conversation_id": arrival.conversation_id}
    tx.run(
        _add_participant,
        [
            {
                **own,
                "position": position,
                "id": new_id(),
                "name": party.name,
                "email": party.email,
                "is_internal": bool(party.is_internal),
                "channel": party.channel,
                "speak_permille": permille(party.speak_share),
            }
            for position, party in enumerate(parties)
        ],
    )
    known = keys_of_persons((party.email for party in parties), (arrival.caller, arrival.callee))
    keep_persons(tx, arrival.team_id, arrival.conversation_id, known)
    domains = external_domains(parties)
    tx.run(_add_domain, [{**own, "kind": arrival.kind.value, "domain": d, "date": arrival.date} for d in domains])


def _store_recording(tx: Tx, arrival: Arrival) -> None:
    team_id, conversation_id, kept = arrival.team_id, arrival.conversation_id, arrival.recording
    keep_intervals(tx, team_id, conversation_id, arrival.muted)
    if kept is not None and arrival.muted:
        hold_recording(tx, team_id, conversation_id, kept, now=arrival.now)
    elif kept is not None:
        settle_file(tx, team_id, kept.id)
        tx.run(_add_recording, recording_row(team_id, conversation_id, kept, arrival.now))


def _start_analysis(tx: Tx, arrival: Arrival) -> None:
    if arrival.recording_consent == CONSENT_DECLINED or (arrival.recording is not None and arrival.muted):
        return  # what is silenced first is analyzed when that is done
    if arrival.recording_url is None:
        if arrival.transcript is None:
            order = transcribe_order(arrival.team_id, arrival.conversation_id, arrival.now, priority=arrival.priority)
            enqueue(tx, order)
        return
    args = {"conversation_id": arrival.conversation_id, "url": arrival.recording_url}
    enqueue(tx, Enqueue(kind=FETCH, args=args, team_id=arrival.team_id, now=arrival.now))


def transcribe_order(team_id: int, conversation_id: str, now: Millis, *, priority: int = USUAL_PRIORITY) -> Enqueue:
    """Return the order for the transcription of a conversation that has its recording."""
    args = {"conversation_id": conversation_id}
    return Enqueue(kind=TRANSCRIBE, args=args, team_id=team_id, now=now, queue=SPEECH_QUEUE, priority=priority)


def recording_row(team_id: int, conversation_id: str, kept: StoredRecording, now: Millis) -> dict[str, Any]:
    """Return the row of a conversation's recording."""
    own = {"team_id": team_id, "conversation_id": conversation_id, "created_at": now}
    return {**own, **dataclasses.asdict(kept)}


def _announce(tx: Tx, arrival: Arrival) -> None:
    kind = arrival.kind.value
    change = audit.Change(
        arrival.team_id,
        f"{kind}.received",
        kind,
        arrival.conversation_id,
        after={"name": arrival.name, "external_call_id": arrival.external_call_id},
    )
    audit.note(tx, arrival.actor, change, now=arrival.now)
    verbs, changes = ["received"], [Change.CREATED]
    if arrival.recording_consent == CONSENT_DECLINED:
        verbs.append("failed")
        changes.append(Change.FAILED)
    if arrival.transcript is not None:
        verbs.append("analyzed")
        changes += [Change.TRANSCRIBED, Change.ANALYZED]
    for what in changes:
        note_change(tx, arrival.team_id, kind, arrival.conversation_id, what, now=arrival.now)
    for verb in verbs:
        told = f"{kind}.{verb}"
        tell(tx, told, arrival.team_id, arrival.conversation_id, now=arrival.now, priority=arrival.priority)


def encoded(transcript: Sequence[Segment]) -> bytes:
    """Return a transcript's content in a fixed form, to be hashed."""
    return msgspec.json.encode(transcript)
