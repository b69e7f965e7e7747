"""Methods of the Conversations API: written by `make documents` from docs/api."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Literal

from callfloor_sdk.generated.conversations_types import (
    CallPage,
    CallRecord,
    MeetingPage,
    MeetingRecord,
    MutedInterval,
    ParticipantInput,
    Segment,
    UploadDirection,
    UploadRecordingConsent,
)
from callfloor_sdk.paging import AsyncPages, by_link
from callfloor_sdk.requests import Api, Request, given, joined, path
from callfloor_sdk.sending import AsyncSender
from callfloor_sdk.uploads import File, Progress, upload


class AsyncConversations:
    """Conversations, of the Conversations API."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def calls(
        self,
        *,
        page: int | None = None,
        page_size: int | None = None,
        sorting_order: Literal["ascending", "descending"] | None = None,
        start_date: datetime.datetime | datetime.date | str | None = None,
        end_date: datetime.datetime | datetime.date | str | None = None,
        scopes: Sequence[Literal["internal", "external"]] | None = None,
        expand: Sequence[Literal["user_client_augmentation", "meeting_transcript"]] | None = None,
        customer_domain: Sequence[str] | None = None,
        id: Sequence[str] | None = None,
        updated_since: datetime.datetime | datetime.date | str | None = None,
        q: str | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[CallPage, CallRecord]:
        """List calls.

        Args:
            page: 0 is the first.
            page_size: Records on a page.
            sorting_order: By `date`, then `id`.
            start_date: `date` on or after; a bare date is its first moment, UTC.
            end_date: `date` up to and including; a bare date is the whole day, UTC.
            scopes: Internal conversations are left out unless asked for.
            expand: The owner's fuller profile; what was said.
            customer_domain: An external participant has this e-mail domain; may repeat.
            id: One of these ids; may repeat.
            updated_since: `updatedAt` on or after.
            q: Words that are said in one breath; "a phrase"; begin*; -without.
            cursor: From the header `Link` of the page before; not with `page`.
        """
        return AsyncPages(
            self._sender,
            Request[CallPage](
                api=Api.CONVERSATIONS,
                method="GET",
                path="/calls",
                answer=CallPage,
                query={
                    "page": page,
                    "pageSize": page_size,
                    "sortingOrder": sorting_order,
                    "startDate": start_date,
                    "endDate": end_date,
                    "scopes": joined(scopes),
                    "expand": joined(expand),
                    "customerDomain": customer_domain,
                    "id": id,
                    "updatedSince": updated_since,
                    "q": q,
                    "cursor": cursor,
                },
            ),
            by_link,
            "data",
        )

    async def upload_call(
        self,
        file: File | None = None,
        *,
        transcript_file: File | None = None,
        recording_url: str | None = None,
        transcript: Sequence[Segment] | str | None = None,
        external_call_id: str | None = None,
        date: datetime.datetime | None = None,
        direction: UploadDirection | None = None,
        caller: str | None = None,
        callee: str | None = None,
        name: str | None = None,
        language: str | None = None,
        user_email: str | None = None,
        participants: Sequence[ParticipantInput] | None = None,
        channels: Mapping[str, str] | None = None,
        recording_consent: UploadRecordingConsent | None = None,
        muted_intervals: Sequence[MutedInterval] | None = None,
        on_progress: Progress | None = None,
    ) -> CallRecord:
        """Upload a call.

        A recording of at most 2000000000 bytes and 21600 seconds, 8 to 48 kHz, mono or one speaker a channel: wav
        (PCM, A-law, µ-law), mp3, m4a, aac, ogg, opus, flac, webm; or its address; or the transcript that the
        telephony made. The other fields may have at most 16777216 bytes together. The same `externalCallId` again,
        or without one the same content, is the same call: 200 instead of 202.

        Args:
            file: The recording.
            transcript_file: The same as a file: JSON, WebVTT, SRT, or the document that Teams or Meet exports.
            recording_url: Instead of a file: an https address from which this server fetches the recording.
            transcript: A transcript that is there already, as a field or a file; nothing is recognized then. JSON (a
                list of `Segment`), WebVTT, SRT, or the document that Teams or Meet exports (docx, text); what it is is
                known by its content.
            external_call_id: Your own id of the call; the same id again is the same call.
            date: When the call began, ISO 8601; left out, now.
            direction: Who called whom.
            caller: Number or address of who called.
            callee: Number or address of who was called.
            name: Left out, the file's name.
            language: Language code such as `en`; left out, it is recognized.
            user_email: Whose call it is; left out or unknown, the key's maker.
            participants: Who took part, a list of `ParticipantInput`.
            channels: `agent`, `customer`, or a participant's name or email by channel number, such as `{"0": "agent",
                "1": "customer"}`; left out, channel 0 is the agent.
            recording_consent: Declined: the recording is kept, and not analyzed; a transcript is not kept, and an
                address is not asked.
            muted_intervals: Pauses, a list of `MutedInterval`: never transcribed, and silent in the recording that is
                given out.
            on_progress: Told how many bytes of how many are sent; after a fault it begins anew.
        """
        return await self._sender.send(
            upload(
                Request[CallRecord](api=Api.CONVERSATIONS, method="POST", path="/calls", answer=CallRecord),
                {
                    "recordingUrl": given(recording_url),
                    "transcript": given(transcript),
                    "externalCallId": given(external_call_id),
                    "date": given(date),
                    "direction": given(direction),
                    "caller": given(caller),
                    "callee": given(callee),
                    "name": given(name),
                    "language": given(language),
                    "userEmail": given(user_email),
                    "participants": given(participants),
                    "channels": given(channels),
                    "recordingConsent": given(recording_consent),
                    "mutedIntervals": given(muted_intervals),
                },
                {"file": file, "transcript": transcript_file},
                on_progress,
                takes_json=True,
            )
        )

    async def call(
        self, call_id: str, *, expand: Sequence[Literal["user_client_augmentation", "meeting_transcript"]] | None = None
    ) -> CallRecord:
        """Get a call.

        Args:
            call_id: The call's own, from a list or an upload.
            expand: The owner's fuller profile; what was said.
        """
        return await self._sender.send(
            Request[CallRecord](
                api=Api.CONVERSATIONS,
                method="GET",
                path=path("/calls/{id}", id=call_id),
                answer=CallRecord,
                query={"expand": joined(expand)},
            )
        )

    def meetings(
        self,
        *,
        page: int | None = None,
        page_size: int | None = None,
        sorting_order: Literal["ascending", "descending"] | None = None,
        start_date: datetime.datetime | datetime.date | str | None = None,
        end_date: datetime.datetime | datetime.date | str | None = None,
        scopes: Sequence[Literal["internal", "external"]] | None = None,
        expand: Sequence[Literal["user_client_augmentation", "meeting_transcript"]] | None = None,
        customer_domain: Sequence[str] | None = None,
        id: Sequence[str] | None = None,
        updated_since: datetime.datetime | datetime.date | str | None = None,
        q: str | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[MeetingPage, MeetingRecord]:
        """List meetings.

        Args:
            page: 0 is the first.
            page_size: Records on a page.
            sorting_order: By `date`, then `id`.
            start_date: `date` on or after; a bare date is its first moment, UTC.
            end_date: `date` up to and including; a bare date is the whole day, UTC.
            scopes: Internal conversations are left out unless asked for.
            expand: The owner's fuller profile; what was said.
            customer_domain: An external participant has this e-mail domain; may repeat.
            id: One of these ids; may repeat.
            updated_since: `updatedAt` on or after.
            q: Words that are said in one breath; "a phrase"; begin*; -without.
            cursor: From the header `Link` of the page before; not with `page`.
        """
        return AsyncPages(
            self._sender,
            Request[MeetingPage](
                api=Api.CONVERSATIONS,
                method="GET",
                path="/meetings",
                answer=MeetingPage,
                query={
                    "page": page,
                    "pageSize": page_size,
                    "sortingOrder": sorting_order,
                    "startDate": start_date,
                    "endDate": end_date,
                    "scopes": joined(scopes),
                    "expand": joined(expand),
                    "customerDomain": customer_domain,
                    "id": id,
                    "updatedSince": updated_since,
                    "q": q,
                    "cursor": cursor,
                },
            ),
            by_link,
            "data",
        )

    async def meeting(
        self,
        meeting_id: str,
        *,
        expand: Sequence[Literal["user_client_augmentation", "meeting_transcript"]] | None = None,
    ) -> MeetingRecord:
        """Get a meeting.

        Args:
            meeting_id: The meeting's own, from a list or an upload.
            expand: The owner's fuller profile; what was said.
        """
        return await self._sender.send(
            Request[MeetingRecord](
                api=Api.CONVERSATIONS,
                method="GET",
                path=path("/meetings/{id}", id=meeting_id),
                answer=MeetingRecord,
                query={"expand": joined(expand)},
            )
        )
