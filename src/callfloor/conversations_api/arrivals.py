"""What every way of uploading ends in: the fields and the recording as one arrival, whoever sent them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import PurePath

import msgspec

from callfloor.access.audit import Actor
from callfloor.analysis.given import analyzed
from callfloor.conversations.arrival import Arrival, encoded
from callfloor.conversations.intake import StoredRecording
from callfloor.conversations.muting import without_muted
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcript_notes import start_in_name
from callfloor.conversations_api.refusals import bad_request
from callfloor.conversations_api.upload_fields import UploadFields
from callfloor.conversations_api.wire import Upload
from callfloor.foundation import clock
from callfloor.foundation.clock import Millis
from callfloor.foundation.ids import new_id
from callfloor.foundation.outgoing import AddressRefused, check_address, rules_of
from callfloor.foundation.services import Services

_NAMELESS = {ConversationKind.CALL: "Call", ConversationKind.MEETING: "Meeting"}


class Sender(msgspec.Struct, frozen=True):
    """Who sends a conversation."""

    team_id: int
    actor_kind: str
    actor_id: str
    actor_name: str
    request_id: str
    address: str
    account_id: int | None
    """The person, or the maker of the key: to them belongs what is of nobody else."""
    key_id: int | None
    only_account_id: int | None = None
    """The one person whose conversations these can be."""

    @property
    def actor(self) -> Actor:
        """Return the sender as the actor of an audit entry."""
        return Actor(self.actor_kind, self.actor_id, self.actor_name, self.request_id, self.address)


def arrival_of(
    sender: Sender,
    kind: ConversationKind,
    fields: UploadFields,
    recording: StoredRecording | None,
    begun_at: Millis,
) -> Arrival:
    """Return what arrives.

    Raises:
        Refused: 400, there is nothing to be heard or read, or too much of it.
    """
    check_content(fields, has_recording=recording is not None)
    arrival = Arrival(
        team_id=sender.team_id,
        kind=kind,
        conversation_id=new_id(),
        now=clock.now(),
        actor=sender.actor,
        date=_date_of(kind, fields, recording, begun_at),
        name=fields.name or _name_of(kind, fields, recording),
        content_sha256=_content_of(fields, recording),
        direction=fields.direction,
        caller=fields.caller,
        callee=fields.callee,
        external_call_id=fields.external_call_id,
        language=fields.language,
        owner_email=fields.user_email if sender.only_account_id is None else None,
        maker_account_id=sender.account_id,
        key_id=sender.key_id,
        parties=fields.parties,
        channels=fields.channels,
        recording=recording,
        recording_url=fields.recording_url,
        recording_consent=fields.recording_consent,
        muted=fields.muted,
    )
    given = fields.transcript
    if given is None:
        return arrival
    heard = without_muted(given.segments, fields.muted)
    return analyzed(arrival, heard, has_exact_times=given.has_exact_times)


def check_content(fields: UploadFields, *, has_recording: bool) -> None:
    """Refuse an upload that brings nothing, or the recording twice.

    Raises:
        Refused: 400.
    """
    if not has_recording and fields.recording_url is None and fields.transcript is None:
        raise bad_request(
            f"{Upload.FILE}: is required; send the recording as a file part, its address as {Upload.RECORDING_URL}, "
            f"or a {Upload.TRANSCRIPT}"
        )
    if has_recording and fields.recording_url is not None:
        raise bad_request(f"{Upload.RECORDING_URL}: cannot be combined with {Upload.FILE}")


async def check_recording_url(services: Services, fields: UploadFields) -> None:
    """Refuse the address of a recording that may not be asked.

    Raises:
        Refused: 400.
    """
    if fields.recording_url is None:
        return
    try:
        await asyncio.to_thread(check_address, fields.recording_url, rules_of(services.settings))
    except AddressRefused as error:
        raise bad_request(f"{Upload.RECORDING_URL}: {error.message}") from None


def _date_of(
    kind: ConversationKind, fields: UploadFields, recording: StoredRecording | None, begun_at: Millis
) -> Millis:
    """Return when it began: as it was said, else as the meeting's files say, else when it came."""
    if fields.date is not None:
        return fields.date
    if kind is ConversationKind.MEETING:
        in_transcript = fields.transcript.began_at if fields.transcript is not None else None
        names = [
            recording.original_name if recording else None,
            fields.transcript.file_name if fields.transcript else None,
        ]
        in_name = next((at for name in names if name and (at := start_in_name(name)) is not None), None)
        told = in_name if in_transcript is None else in_transcript
        if told is not None:
            return told
    return begun_at


def _content_of(fields: UploadFields, recording: StoredRecording | None) -> str:
    if recording is not None:
        return recording.sha256
    if fields.recording_url is not None:
        return hashlib.sha256(f"fetched from {fields.recording_url}".encode()).hexdigest()
    return hashlib.sha256(encoded(fields.transcript.segments if fields.transcript else ())).hexdigest()


def _name_of(kind: ConversationKind, fields: UploadFields, recording: StoredRecording | None) -> str:
    name = recording.original_name if recording is not None else None
    if kind is ConversationKind.MEETING and name is None and fields.transcript is not None:
        name = fields.transcript.file_name
    return (PurePath(name).stem if name else "") or _NAMELESS[kind]
